// AdamW (Loshchilov and Hutter, 2019), step for step as torch.optim.AdamW:
//
//   g  = gradient · clip scale
//   w  = w · (1 − lr · weight_decay)
//   m  = beta1 · m + (1 − beta1) · g
//   v  = beta2 · v + (1 − beta2) · g²
//   w  = w − (lr / bias1) · m / (√v / √bias2 + eps)
//   rounded = bf16(w)      where the forward pass reads weights in bf16 while w keeps them exactly
//
// What changes from step to step is read from memory, so that a recorded plan serves every step:
//   step = [lr, bias1 = 1 − beta1^t, bias2 = 1 − beta2^t],  t = 1 for the first step
//   clip = grad_norm's [norm, scale, apply]; where apply is 0 nothing is changed; absent: scale 1
// Tensors may have any shapes of one element count. Elementwise: deterministic for any number of workers. No workspace.
#pragma once
#include "core/op.h"

namespace pt::adamw {
enum Tensor {
  weight,    // any shape, f32 in place
  gradient,  // as many elements, f32 read
  m,         // as many elements, f32 in place
  v,         // as many elements, f32 in place
  step,      // [3] f64 read
  clip,      // [3] f64 read, optional
  rounded,   // as many elements, bf16 =, optional
};
enum Param {
  beta1,
  beta2,
  eps,
  weight_decay,
};
extern const OpDef def;
}  // namespace pt::adamw
