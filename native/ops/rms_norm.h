// RMSNorm (Zhang and Sennrich, 2019), with the residual addition in front of it fused in.
//
//   forward    s = x + delta (s = x without delta);  sum = s
//              rstd = 1 / √(mean_j s_j² + eps)
//              y = s · rstd · weight
//   backward   dx_j (= | +=) rstd · (weight_j·dy_j − s_j · rstd² · mean_i(weight_i·dy_i·s_i))
//              dweight_j (= | +=) Σ_r dy_j · s_j · rstd
//
// `sum` is given exactly when `delta` is. Backward takes as `x` what was normalised: forward's `sum`, or its `x`
// where there was no delta. It reads each row from memory once.
// Deterministic for any number of workers: rows are independent, dweight is summed over fixed blocks of 64 rows
// whose partial sums are added in order. Workspace: forward none; backward 4·C·⌈R/64⌉ bytes.
#pragma once
#include "core/op.h"

namespace pt::rms_norm {
enum Tensor {
  x,       // [R, C] f32 read
  delta,   // [R, C] f32 read, optional
  weight,  // [C]    f32 read
  sum,     // [R, C] f32 =, with delta
  y,       // [R, C] f32 =
  rstd,    // [R]    f32 =
};
enum Param {
  eps,
};
extern const OpDef def;
}  // namespace pt::rms_norm

namespace pt::rms_norm_backward {
constexpr int64_t kRowsPerPartial = 64;

enum Tensor {
  dy,       // [R, C] f32 read
  x,        // [R, C] f32 read
  weight,   // [C]    f32 read
  rstd,     // [R]    f32 read
  dx,       // [R, C] f32 = or +=
  dweight,  // [C]    f32 = or +=
};
enum Param {
  accumulate_dx,       // 1: +=, 0: =
  accumulate_dweight,  // 1: +=, 0: =
};
extern const OpDef def;
}  // namespace pt::rms_norm_backward
