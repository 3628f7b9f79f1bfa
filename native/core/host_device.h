// PT_HOST_DEVICE marks what host code and CUDA kernels share.
#pragma once

#ifdef __CUDACC__
#define PT_HOST_DEVICE __host__ __device__
#else
#define PT_HOST_DEVICE
#endif
