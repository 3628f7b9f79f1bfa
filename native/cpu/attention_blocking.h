// How attention is cut into blocks. Shared by the kernels (compiled for each instruction set) and by the op's
// definition, which turns it into workspace bytes. All sizes are fixed: no result depends on caches or cores.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/attention.h"

namespace pt::cpu {

constexpr int64_t kMaxHeadDim = 256;
constexpr int64_t kQueryBlock = 64;

/// Forward: the keys between two corrections of the online softmax. Their scores for one strip of queries fill half of
/// the first-level cache; 256 and fewer are up to 10 % slower.
constexpr int64_t kScoreKeys = 512;

/// Backward: a square of scores and one of their gradients at a time, so a key block is as long as a query block.
constexpr int64_t kKeyBlock = kQueryBlock;

/// Backward: the keys one task owns. Its dk and dv stay in the task; the dq it finds go to a partial sum.
constexpr int64_t kKeyChunk = 256;

// How many blocks of queries (forward) or chunks of keys (backward) are at work between two barriers. Enough for many
// cores; more would only grow the workspace.
constexpr int64_t kBlocksAtOnce = 128;
constexpr int64_t kChunksAtOnce = 64;

struct AttentionShape {
  int64_t B, T, H, G, D;

  /// Of attention and of attention_backward: both begin with qkv and have the same parameters.
  explicit AttentionShape(const Command& c)
      : T(c.integer(attention::positions)),
        H(c.integer(attention::heads)),
        G(c.integer(attention::kv_heads)),
        D(c.integer(attention::head_dim)) {
    B = c.dim(attention::qkv, 0) / T;
  }

  int64_t width() const { return (H + 2 * G) * D; }      // of a row of qkv
  int64_t group() const { return H / G; }                // query heads of a key/value head
  int64_t pairs() const { return B * G; }                // (sequence, key/value head)
  int64_t padded() const { return (D + 15) / 16 * 16; }  // head dim in whole vectors of any width

  int64_t query_blocks() const { return (T + kQueryBlock - 1) / kQueryBlock; }
  int64_t chunks() const { return (T + kKeyChunk - 1) / kKeyChunk; }

  // Forward: keys and values of the pairs at work, packed; for each worker a block of queries and one of outputs.
  int64_t forward_pairs() const { return std::clamp<int64_t>(kBlocksAtOnce / query_blocks(), 1, pairs()); }
  int64_t packed_floats() const { return query_blocks() * kQueryBlock * padded(); }
  int64_t forward_worker_floats() const { return 2 * kQueryBlock * padded(); }
  size_t forward_floats(int workers) const {
    return static_cast<size_t>(2 * forward_pairs() * packed_floats() + workers * forward_worker_floats());
  }

  // Backward: for each pair at work and query head, partial dq of every chunk but the first, which writes dqkv itself;
  // chunk c reaches queries c · kKeyChunk … T − 1 only. For each worker five chunk-sized and five block-sized buffers.
  int64_t backward_pairs() const { return std::clamp<int64_t>(kChunksAtOnce / chunks(), 1, pairs()); }
  int64_t partial_rows(int64_t chunk) const {  // rows of the partial sums of chunks 1 … chunk − 1
    return (chunk - 1) * T - chunk * (chunk - 1) / 2 * kKeyChunk;
  }
  int64_t partial_floats() const { return partial_rows(chunks()) * padded(); }
  int64_t backward_worker_floats() const {
    return (5 * kKeyChunk + 3 * kQueryBlock) * padded() + 2 * kQueryBlock * kKeyBlock;
  }
  size_t backward_floats(int workers) const {
    return static_cast<size_t>(backward_pairs() * group() * partial_floats() + workers * backward_worker_floats());
  }
};

}  // namespace pt::cpu
