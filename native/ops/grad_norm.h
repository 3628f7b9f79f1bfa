// The global gradient norm and the factor that clips it, as torch.nn.utils.clip_grad_norm_ computes it.
//
//   norm  = √Σ g²
//   scale = min(1, max_norm / (norm + 1e-6));  1 when max_norm = 0 (no clipping);  0 when the norm is not finite
//   result = [norm, scale, finite]             finite: 1 when no element is NaN or infinite, else 0
//
// The gradient is only read: adamw applies the scale as it goes. Squares are summed in double, so that no finite
// gradient overflows, over fixed blocks of 32768 elements whose sums are added in order: deterministic for any number
// of workers. Workspace: 8·⌈n/32768⌉ bytes.
//
// CUDA: finite is also 0, and scale with it, when a fault was found earlier in the plan (cuda/fault.h): the gradient of
// a bad batch then changes no weight.
#pragma once
#include "core/op.h"

namespace pt::grad_norm {
constexpr int64_t kBlock = 1 << 15;

enum Tensor {
  gradient,  // any shape, f32 read
  result,    // [3] f64 =
};
enum Param {
  max_norm,
};
extern const OpDef def;
}  // namespace pt::grad_norm
