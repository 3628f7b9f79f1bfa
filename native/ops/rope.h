// Rotary positions (Su et al., "RoFormer", 2021) in the rotate-half form of Hugging Face LLaMA checkpoints, in place.
//
//   (x1, x2) = the two halves of a head at position p      x1' = x1 · cos[p] − x2 · sin[p]
//                                                          x2' = x2 · cos[p] + x1 · sin[p]
//   `inverse` negates the sine: it undoes the rotation, and is the backward of it (a rotation is orthogonal).
//
// Rotates the first `heads` heads of every row of a packed qkv: query heads, then key heads; the rest is untouched.
// Row r has position r mod `positions`, plus position[0] if given; a position outside the tables is refused when the
// op runs (out_of_range). Elementwise: deterministic for any number of workers. No workspace.
//
// CUDA: a position outside the tables is a fault (cuda/fault.h), and its rows stay as they are. Eight columns at a time
// where W and D/2 are multiples of 8, else pair by pair.
#pragma once
#include "core/op.h"

namespace pt::rope {
enum Tensor {
  x,         // [R, W] compute in place, W ≥ heads · head_dim
  cos,       // [P, D/2] f32 read
  sin,       // [P, D/2] f32 read
  position,  // [1] i32 read, optional: the position of row 0
};
enum Param { heads, head_dim, positions, inverse };
extern const OpDef def;
}  // namespace pt::rope
