// Our own product kernels, as Products calls them: where cuBLASLt is absent or slower, they do the work.
#pragma once
#include "cuda/launch.h"

namespace pt::cuda {

Status own_gemm(const Command&, const Launch&);

}  // namespace pt::cuda
