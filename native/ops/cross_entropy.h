// The K-label cross-entropy of patch-level training over a chunk of rows, loss and gradient in one visit.
//
// Row j of the chunk is row b·T + t = first_row + j of the batch. Its labels are the K tokens of the next patch,
// ids[b, (t+1)K … (t+1)K + K−1]; the last position of a sequence has none.
//
//   loss[j] = LSE(z) − (1/K) Σ_k z[label_k]                                  z = logits[j], natural logarithm
//   gradient: logits[j] := scale · (softmax(z) − (1/K) Σ_k onehot(label_k))  in place; labels that repeat add up
//   without labels: loss 0, gradient 0
//
// The loss is not multiplied by scale. Without the gradient flag the logits stay as they are.
// A NaN or +inf logit, or a row of −inf alone, makes the loss of that row NaN; a single −inf is a probability of 0.
// A label outside 0 … V−1 ends the command with out_of_range before anything is written.
// Row-parallel, sums in double over fixed blocks: deterministic for any number of workers. No workspace.
//
// CUDA: logits are bf16, of any V. Exponentials are summed in f32 in a fixed order; the loss is put together in double,
// from the logits before they are overwritten; the gradient is rounded to bf16 once. A label outside the vocabulary
// raises a fault and is passed over.
#pragma once
#include "core/op.h"

namespace pt::cross_entropy {
enum Tensor {
  logits,  // [r, V] f32 | bf16 read, or in place
  ids,     // [B, S] i32 read, S = T·K
  loss,    // [r]    f64 =
  scale,   // [1]    f64 read
};
enum Param {
  first_row,
  positions,  // T
  patch,      // K
  gradient,   // 1: logits become their gradient
};
extern const OpDef def;
}  // namespace pt::cross_entropy

// total (= | +=) Σ loss, in index order, by one worker. CUDA: by one block in a fixed order of its own.
namespace pt::sum_loss {
enum Tensor {
  loss,   // [n] f64 read
  total,  // [1] f64 = or +=
};
enum Param {
  accumulate,  // 1: +=, 0: =
};
extern const OpDef def;
}  // namespace pt::sum_loss
