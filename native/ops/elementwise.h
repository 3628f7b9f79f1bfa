// Small helpers over flat memory. Every one is split into blocks of a fixed size: deterministic for any number of
// workers. No workspace. Tensors of one command never overlap (the recorder refuses it); shapes may differ as long
// as the element counts agree.
//
//   fill         y = value
//   fill_normal  y = std · N(0, 1), a pure function of (seed, stream, element index)
//   copy         y = x
//   add          y += x
//   convert      y = bf16(x): round to nearest, ties to even; infinities stay, NaN stays NaN
#pragma once
#include "core/op.h"

namespace pt::fill {
enum Tensor {
  y,  // any shape, f32 =
};
enum Param {
  value,
};
extern const OpDef def;
}  // namespace pt::fill

// Elements 4i … 4i+3 come from Philox block i, two Box-Muller pairs computed in double:
//   y[4i], y[4i+1] = std · √(−2 ln u0) · (cos 2πu1, sin 2πu1); y[4i+2], y[4i+3] the same from u2, u3.
namespace pt::fill_normal {
enum Tensor {
  y,  // any shape, f32 =
};
enum Param {
  seed_low,   // u32
  seed_high,  // u32
  stream,     // u32, what the numbers are for
  std,
};
extern const OpDef def;
}  // namespace pt::fill_normal

namespace pt::copy {
enum Tensor {
  x,  // any shape, f32 read
  y,  // as many elements, f32 =
};
extern const OpDef def;
}  // namespace pt::copy

namespace pt::add {
enum Tensor {
  x,  // any shape, f32 read
  y,  // as many elements, f32 +=
};
extern const OpDef def;
}  // namespace pt::add

namespace pt::convert {
enum Tensor {
  x,  // any shape, f32 read
  y,  // as many elements, bf16 =
};
extern const OpDef def;
}  // namespace pt::convert
