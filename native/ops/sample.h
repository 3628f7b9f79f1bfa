// Draws one token from the logits of the last position.
//
//   temperature 0    the largest logit; the lowest id among equals
//   temperature > 0  p = softmax(logits / temperature); only the top_k most probable tokens stay (0: all), then only
//                    the smallest set of the most probable ones whose mass, of what is left, is at least top_p;
//                    equal probabilities rank by id. One of them is drawn in proportion to p.
//
// The draw is Philox(seed, stream 3) at index counter[0]: a pure function of (logits, parameters, seed, counter).
// All arithmetic in double, by one worker. A NaN or +inf logit, or logits of −inf alone, give out_of_range.
// Workspace: 16·V bytes.
//
// CUDA: logits are bf16, V is at most 1,048,576. Tokens rank by logit instead of p, which is the same unless two logits
// differ and their p, in double, do not. Logits that give out_of_range raise a fault, and the token is some id.
#pragma once
#include "core/op.h"
#include "cuda/sort.h"

namespace pt::sample {
constexpr uint32_t kStream = 3;  // the purpose "sampling" of the random numbers

struct Candidate {
  double p;
  int64_t id;
};

enum Tensor {
  logits,   // [V] f32 | bf16 read
  token,    // [1] i32 =
  counter,  // [1] i32 read
};
enum Param {
  seed_low,   // u32
  seed_high,  // u32
  temperature,
  top_k,
  top_p,
};
extern const OpDef def;

constexpr int64_t kCudaChunk = 1024;  // ranks whose mass one block sums

/// The parts of the CUDA workspace: where each begins, in bytes, and how much all take. The first is the largest logit.
struct CudaWorkspace {
  size_t masses = 256;                   // f64 [V / kCudaChunk]
  size_t entries, spare, counts, bytes;  // two lists of sort entries, the counts of the sort

  explicit CudaWorkspace(int64_t V) {
    entries = after(masses, (V + kCudaChunk - 1) / kCudaChunk * static_cast<int64_t>(sizeof(double)));
    spare = after(entries, V * static_cast<int64_t>(sizeof(cuda::SortEntry)));
    counts = after(spare, V * static_cast<int64_t>(sizeof(cuda::SortEntry)));
    bytes = after(counts, cuda::sort_counts(V) * static_cast<int64_t>(sizeof(int32_t)));
  }

 private:
  static size_t after(size_t offset, int64_t size) { return (offset + static_cast<size_t>(size) + 255) / 256 * 256; }
};
}  // namespace pt::sample
