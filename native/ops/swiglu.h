// SwiGLU (Shazeer, "GLU Variants Improve Transformer", 2020): the gate of the feed-forward block.
//
//   forward    y = silu(gate) · up                   silu(g) = g · σ(g)
//   backward   dup   = dy · silu(gate)
//              dgate = dy · up · σ(gate) · (1 + gate · (1 − σ(gate)))
//
// `gate_up` holds both halves side by side, as one product makes them: columns 0 … F−1 gate, F … 2F−1 up.
// Row-parallel and elementwise: deterministic for any number of workers. No workspace.
#pragma once
#include "core/op.h"

namespace pt::swiglu {
enum Tensor {
  gate_up,  // [R, 2F] f32 read
  y,        // [R, F]  f32 =
};
extern const OpDef def;
}  // namespace pt::swiglu

namespace pt::swiglu_backward {
enum Tensor {
  gate_up,   // [R, 2F] f32 read
  dy,        // [R, F]  f32 read
  dgate_up,  // [R, 2F] f32 =
};
extern const OpDef def;
}  // namespace pt::swiglu_backward
