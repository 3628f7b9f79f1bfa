#include "cuda/measure_ceilings.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/check.h"
#include "cuda/device_region.h"
#include "cuda/kernels.h"
#include "cuda/products.h"
#include "ops/elementwise.h"
#include "ops/gemm.h"
#include "ops/registry.h"

namespace pt::cuda {

constexpr int kRepeats = 15;
constexpr size_t kCopyBytes = size_t{1} << 30;  // far beyond any cache
constexpr int64_t kProduct = 8192;              // rows, columns and inner dimension

/// Median milliseconds of `work` on the stream.
static Status time_work(const Launch& launch, const std::function<Status()>& work, double& milliseconds) {
  cudaEvent_t start, end;
  PT_CUDA(cudaEventCreateWithFlags(&start, cudaEventDefault), "making an event");
  PT_CUDA(cudaEventCreateWithFlags(&end, cudaEventDefault), "making an event");
  std::vector<float> times;
  for (int i = 0; i < kRepeats + 3; i++) {  // the first three warm up
    PT_CUDA(cudaEventRecord(start, launch.stream), "timing");
    if (Status s = work(); !s.ok()) return s;
    PT_CUDA(cudaEventRecord(end, launch.stream), "timing");
    PT_CUDA(cudaEventSynchronize(end), "timing");
    float elapsed = 0;
    PT_CUDA(cudaEventElapsedTime(&elapsed, start, end), "timing");
    if (i >= 3) times.push_back(elapsed);
  }
  cudaEventDestroy(start), cudaEventDestroy(end);
  std::nth_element(times.begin(), times.begin() + kRepeats / 2, times.end());
  milliseconds = times[kRepeats / 2];
  return Status::success();
}

static TensorView matrix(const Region& region, size_t offset, DType type, int64_t rows, int64_t columns) {
  return {region.data() + offset, type, 2, {rows, columns, 0, 0}};
}

/// Random numbers: products of zeros run faster than any real one.
static Status fill_random(const Launch& launch, const TensorView& target, const TensorView& scratch, int stream) {
  Command normal, convert;
  normal.op = find_op("fill_normal"), convert.op = find_op("convert");
  normal.tensors[fill_normal::y] = scratch;
  normal.params[fill_normal::stream] = stream;
  normal.params[fill_normal::std] = 1;
  if (Status s = cuda::fill_normal(normal, launch); !s.ok()) return s;
  convert.tensors[convert::x] = scratch, convert.tensors[convert::y] = target;
  return cuda::convert(convert, launch);
}

static Status measure_copy(const Launch& launch, size_t free, double& bytes_per_second) {
  const size_t bytes = std::min(kCopyBytes, free / 4);
  std::shared_ptr<Region> memory;
  if (Status s = DeviceRegion::allocate(launch.device.index, 2 * bytes, memory); !s.ok()) return s;
  double ms = 0;
  const auto copy = [&] {
    return to_status(
        cudaMemcpyAsync(memory->data(), memory->data() + bytes, bytes, cudaMemcpyDeviceToDevice, launch.stream),
        "copying");
  };
  if (Status s = time_work(launch, copy, ms); !s.ok()) return s;
  bytes_per_second = 2.0 * static_cast<double>(bytes) / (ms / 1e3);
  return Status::success();
}

static Status measure_product(const Launch& launch, size_t free, double& flops_per_second) {
  int64_t n = kProduct;
  while (n > 64 && static_cast<size_t>(n * n * 12) > free / 2) n /= 2;
  const size_t elements = static_cast<size_t>(n * n);
  std::shared_ptr<Region> memory;  // a, b, c in bf16, then fp32 scratch
  if (Status s = DeviceRegion::allocate(launch.device.index, elements * 10, memory); !s.ok()) return s;
  const TensorView a = matrix(*memory, 0, DType::bf16, n, n), b = matrix(*memory, elements * 2, DType::bf16, n, n);
  const TensorView scratch = matrix(*memory, elements * 6, DType::f32, n, n);
  for (const auto& [target, stream] : {std::pair{a, 1}, std::pair{b, 2}})
    if (Status s = fill_random(launch, target, scratch, stream); !s.ok()) return s;
  Command product;
  product.op = find_op("gemm");
  product.tensors[gemm::a] = a, product.tensors[gemm::b] = b;
  product.tensors[gemm::c] = matrix(*memory, elements * 4, DType::bf16, n, n);
  product.params[gemm::trans_b] = 1;
  std::shared_ptr<Region> workspace;
  if (Status s = DeviceRegion::allocate(launch.device.index, product.op->cuda_workspace(product) + 256, workspace);
      !s.ok())
    return s;
  const Launch own{launch.stream, workspace->data(), launch.fault, launch.device, launch.products};
  if (Status s = launch.products.prepare(product, own); !s.ok()) return s;
  double ms = 0;
  if (Status s = time_work(
          launch, [&] { return cuda::gemm(product, own); }, ms);
      !s.ok())
    return s;
  flops_per_second = 2.0 * static_cast<double>(n * n * n) / (ms / 1e3);
  return Status::success();
}

Status measure_ceilings(const Launch& launch, Ceilings& out) {
  size_t free = 0, total = 0;
  PT_CUDA(cudaMemGetInfo(&free, &total), "asking for free memory");
  if (Status s = measure_copy(launch, free, out.bytes_per_second); !s.ok()) return s;
  return measure_product(launch, free, out.flops_per_second);
}

}  // namespace pt::cuda
