#include "cuda/device_region.h"

#include <new>

#include "cuda/check.h"

namespace pt::cuda {

Status DeviceRegion::allocate(int device, size_t bytes, std::shared_ptr<Region>& out) {
  PT_CHECK(bytes > 0 && bytes <= (size_t{1} << 46), "a region of %zu bytes was asked for; need 1 … 2^46", bytes);
  PT_CUDA(cudaSetDevice(device), "choosing the device");
  void* data = nullptr;
  if (const cudaError_t error = cudaMalloc(&data, bytes); error != cudaSuccess) {
    cudaGetLastError();  // an allocation that failed is not an error of what comes next
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    if (error != cudaErrorMemoryAllocation) return to_status(error, "allocating device memory");
    return Status::error(Code::out_of_memory, "%.1f MB of device memory were asked for; %.1f of %.1f MB are free",
                         bytes / 1e6, free / 1e6, total / 1e6);
  }
  std::shared_ptr<Region> region(new (std::nothrow) DeviceRegion(device, static_cast<std::byte*>(data), bytes));
  if (!region) {
    cudaFree(data);
    return Status::error(Code::out_of_memory, "no memory for a region's record");
  }
  // On the default stream, and waited for: the device's own stream does not know of this region yet.
  PT_CUDA(cudaMemset(data, 0, bytes), "clearing device memory");
  PT_CUDA(cudaStreamSynchronize(nullptr), "clearing device memory");
  out = std::move(region);
  return Status::success();
}

DeviceRegion::~DeviceRegion() {
  // Nothing can be done about a failure here, and the next use of the device will report it.
  if (cudaSetDevice(device_) == cudaSuccess) cudaFree(data());
}

}  // namespace pt::cuda
