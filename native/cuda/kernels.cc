#include "cuda/kernels.h"

namespace pt::cuda {

const KernelEntry kKernels[] = {
#define PT_OP(name) {#name, name},
#include "ops/ops.inc"
#undef PT_OP
};
const int kKernelCount = static_cast<int>(sizeof kKernels / sizeof kKernels[0]);

}  // namespace pt::cuda
