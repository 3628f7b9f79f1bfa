// The global gradient norm, the factor that clips it, as torch.nn.utils.clip_grad_norm_ computes it, and whether the
// update may be applied at all.
//
//   norm  = √Σ g²
//   scale = min(1, max_norm / (norm + 1e-6));  1 when max_norm = 0 (no clipping)
//   apply = 1 when norm is finite, and loss, and neither is above its limit; else 0, and scale is 0 with it
//   result = [norm, scale, apply]
//
// The limits are what the host found out from the steps before, so that the decision about this one needs no host: +∞
// is no limit, at the limit is not above it, and every value is above a limit that is NaN. What is absent is not looked
// at. The gradient is only read: adamw applies the scale as it goes. Squares are summed in double, so that no finite
// gradient overflows, over fixed blocks of 32768 elements whose sums are added in order: deterministic for any number
// of workers. Workspace: 8·⌈n/32768⌉ bytes.
//
// CUDA: apply is also 0, and scale with it, when a fault was found earlier in the plan (cuda/fault.h): the gradient of
// a bad batch then changes no weight.
#pragma once
#include "core/op.h"

namespace pt::grad_norm {
constexpr int64_t kBlock = 1 << 15;

enum Tensor {
  gradient,  // any shape, f32 read
  result,    // [3] f64 =
  loss,      // [1] f64 read, optional: summed loss of the step
  limits,    // [2] f64 read, optional: largest loss, largest norm
};
enum Param {
  max_norm,
};
extern const OpDef def;
}  // namespace pt::grad_norm
