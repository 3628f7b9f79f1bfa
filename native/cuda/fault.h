// Fault: what a kernel found wrong in the data (a token id outside the vocabulary). Kernels cannot return a status, and
// nothing in a step waits for the host; so the first kernel to find something writes it here, later kernels go on
// without touching memory outside their tensors, the optimizer leaves the weights alone, and the host reads the fault
// when the plan has ended.
#pragma once
#include <cstdint>

namespace pt::cuda {

enum class FaultKind : int32_t {
  none,
  token_id,  // value is an id outside 0 … limit − 1, found at index `position` of the ids
  position,  // value is a position outside 0 … limit − 1
  logit,     // a NaN or +inf logit at `position`, or (limit 1) logits of −inf alone
};

struct Fault {
  int32_t raised;  // 0: nothing yet; else 1 + index of the command in its plan
  FaultKind kind;
  int64_t position;
  int64_t value;
  int64_t limit;
};

}  // namespace pt::cuda
