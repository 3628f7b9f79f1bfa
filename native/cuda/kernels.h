// The launchers of all ops, and the table through which the backend finds them.
#pragma once
#include "cuda/launch.h"

namespace pt::cuda {

#define PT_OP(name) Status name(const Command&, const Launch&);
#include "ops/ops.inc"
#undef PT_OP

struct KernelEntry {
  const char* op;
  CudaKernel kernel;
};

/// In the order of ops.inc.
extern const KernelEntry kKernels[];
extern const int kKernelCount;

}  // namespace pt::cuda
