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
#pragma once
#include "core/op.h"

namespace pt::sample {
constexpr uint32_t kStream = 3;  // the purpose "sampling" of the random numbers

struct Candidate {
  double p;
  int64_t id;
};

enum Tensor {
  logits,   // [V] f32 read
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
}  // namespace pt::sample
