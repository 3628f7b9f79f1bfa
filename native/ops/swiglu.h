// SwiGLU (Shazeer, "GLU Variants Improve Transformer", 2020): the gate of the feed-forward block.
//
//   forward    y = silu(gate) · up                   silu(g) = g · σ(g)
//   backward   dup   = dy · silu(gate)
//              dgate = dy · up · σ(gate) · (1 + gate · (1 − σ(gate)))
//
// `gate_up` holds both halves side by side, as one product makes them: columns 0 … F−1 gate, F … 2F−1 up.
// Row-parallel and elementwise: deterministic for any number of workers. No workspace.
//
// CUDA: F a multiple of 8. Arithmetic in f32, σ by the approximate instructions for 2^x and 1/x (error below 2^−21).
#pragma once
#include "core/op.h"

namespace pt::swiglu {
enum Tensor {
  gate_up,  // [R, 2F] compute read
  y,        // [R, F]  compute =
};
extern const OpDef def;
}  // namespace pt::swiglu

namespace pt::swiglu_backward {
enum Tensor {
  gate_up,   // [R, 2F] compute read
  dy,        // [R, F]  compute read
  dgate_up,  // [R, 2F] compute =
};
extern const OpDef def;
}  // namespace pt::swiglu_backward
