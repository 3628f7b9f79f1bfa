// CUDA runtime errors as statuses.
#pragma once
#include "core/status.h"
#include "cuda/runtime.h"

namespace pt::cuda {

inline Status to_status(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return Status::success();
  return Status::error(error == cudaErrorMemoryAllocation ? Code::out_of_memory : Code::device_failed, "%s: %s (%s)",
                       what, cudaGetErrorString(error), cudaGetErrorName(error));
}

}  // namespace pt::cuda

/// Leave the function with a status when a runtime call fails. `what` says in words what was being done.
#define PT_CUDA(call, what)                                                         \
  do {                                                                              \
    if (::pt::Status s_ = ::pt::cuda::to_status((call), what); !s_.ok()) return s_; \
  } while (0)
