// The CUDA runtime, or the emulator's stand-in for it: what host code may include. Nothing else includes either.
#pragma once
#ifdef PT_SIMT
#include "simt/cuda_runtime.h"
#else
#include <cuda_runtime.h>
#endif
