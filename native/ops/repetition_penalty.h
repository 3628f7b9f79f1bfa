// Makes tokens that a text has already less likely, before one is drawn (Keskar et al., "CTRL", 2019, in the form of
// transformers' RepetitionPenaltyLogitsProcessor), in place.
//
//   logits[v] = logits[v] / penalty  where it is positive, logits[v] · penalty  where it is not      for seen[v] ≠ 0
//
// A penalty below 1 asks for repetition. How often a token was seen does not matter. Arithmetic in fp32, rounded to
// the type of the logits. Elementwise: deterministic for any number of workers. No workspace.
#pragma once
#include "core/op.h"

namespace pt::repetition_penalty {
enum Tensor {
  logits,  // [V] compute in place
  seen,    // [V] i32 read: not 0 for the tokens of the text so far
};
enum Param { penalty };
extern const OpDef def;
}  // namespace pt::repetition_penalty
