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
//
// CUDA: C a multiple of 8, at most 16384. Arithmetic in f32; what is normalised, and what `sum` holds, is s rounded to
// bf16. dweight is summed over cuda_partials(R, C) fixed sets of rows. Workspace: backward 4·C·cuda_partials bytes.
#pragma once
#include <algorithm>

#include "core/op.h"

namespace pt::rms_norm {
constexpr int64_t kMostCudaColumns = 16384;

enum Tensor {
  x,       // [R, C] compute read
  delta,   // [R, C] compute read, optional
  weight,  // [C]    compute read
  sum,     // [R, C] compute =, with delta
  y,       // [R, C] compute =
  rstd,    // [R]    f32 =
};
enum Param {
  eps,
};
extern const OpDef def;
}  // namespace pt::rms_norm

namespace pt::rms_norm_backward {
constexpr int64_t kRowsPerPartial = 64;

/// Blocks of the CUDA kernel that one multiprocessor runs at once, by the registers that a row of C takes.
constexpr int64_t resident_blocks(int64_t C) { return C <= 2048 ? 2 : C <= 4096 ? 4 : C <= 8192 ? 2 : 1; }
/// Its grid: what an H200 with its 132 multiprocessors runs at once, with eight rows a block at least (a partial costs
/// as much as two or three rows). On other devices it is the same, for the bits must not depend on the device.
constexpr int64_t cuda_partials(int64_t R, int64_t C) { return std::min(132 * resident_blocks(C), (R + 7) / 8); }

enum Tensor {
  dy,       // [R, C] compute read
  x,        // [R, C] compute read
  weight,   // [C]    compute read
  rstd,     // [R]    f32 read
  dx,       // [R, C] compute = or +=
  dweight,  // [C]    f32 = or +=
};
enum Param {
  accumulate_dx,       // 1: +=, 0: =
  accumulate_dweight,  // 1: +=, 0: =
};
extern const OpDef def;
}  // namespace pt::rms_norm_backward
