// The device side of Fault.
#pragma once
#include "cuda/fault.h"
#include "cuda/ptx.cuh"

namespace pt::cuda {

/// What a kernel needs to report a fault; passed by value as a kernel argument.
struct FaultReport {
  Fault* fault;
  int32_t command;

  PT_DEVICE void raise(FaultKind kind, int64_t position, int64_t value, int64_t limit) const {
    if (atomic_compare_swap(&fault->raised, 0, command + 1) != 0) return;  // an earlier one is told first
    fault->kind = kind;
    fault->position = position;
    fault->value = value;
    fault->limit = limit;
  }
};

}  // namespace pt::cuda
