// How an op's host code starts its kernels.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/op.h"
#include "cuda/fault.cuh"
#include "cuda/runtime.h"

namespace pt::cuda {

class Products;

/// What host code needs to know of the device; every field is fixed for its life.
struct DeviceInfo {
  int index;
  char name[96];
  int major, minor;             // compute capability
  int processors;               // streaming multiprocessors
  size_t shared_bytes_a_block;  // the most dynamic shared memory a block may ask for
  size_t memory_bytes;
};

/// What a launcher gets besides its command.
struct Launch {
  cudaStream_t stream;
  void* workspace;  // as many bytes as the op's cuda_workspace asks for, 256-byte aligned
  FaultReport fault;
  const DeviceInfo& device;
  Products& products;
};

using CudaKernel = Status (*)(const Command&, const Launch&);

/// Grids are 31 bits wide in x; every launcher's grid goes through here.
inline unsigned blocks_for(int64_t items, int64_t a_block) {
  return static_cast<unsigned>((items + a_block - 1) / a_block);
}

/// Starts a kernel and reports what the runtime says of it. `what` names it in errors.
template <class... Parameters, class... Arguments>
Status start(const Launch& launch, const char* what, void (*kernel)(Parameters...), dim3 grid, dim3 block,
             size_t shared_bytes, Arguments... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "one argument for each parameter of the kernel");
#ifdef PT_SIMT
  const cudaError_t error = simt::launch<Parameters...>(kernel, grid, block, shared_bytes, launch.stream, arguments...);
  if (error != cudaSuccess) return Status::error(Code::internal, "%s: %s", what, simt::last_report());
#else
  cudaError_t error = cudaSuccess;
  if (shared_bytes > 48 * 1024)
    error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shared_bytes));
  if (error == cudaSuccess) {
    const auto call = [&](Parameters... values) {  // converts to the kernel's own types
      void* pointers[] = {const_cast<void*>(static_cast<const void*>(&values))...};
      return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers, shared_bytes,
                              launch.stream);
    };
    error = call(arguments...);
  }
  if (error != cudaSuccess)
    return Status::error(Code::device_failed, "%s: the launch of %u x %u x %u blocks of %u threads failed: %s", what,
                         grid.x, grid.y, grid.z, block.x, cudaGetErrorString(error));
#endif
  return Status::success();
}

}  // namespace pt::cuda
