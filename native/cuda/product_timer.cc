#include "cuda/product_timer.h"

#include <algorithm>
#include <vector>

#include "cuda/check.h"
#include "ops/gemm.h"

namespace pt::cuda {

constexpr int kRuns = 3;
constexpr int kMostRepeats = 20;
constexpr double kMicrosecondsARun = 500;  // short products are repeated until the launch no longer shows
constexpr size_t kRandomBytes = 1 << 20;   // made on the host, then copied on and on

Status ProductTimer::create(const Command& command, const Launch& launch, std::unique_ptr<ProductTimer>& out) {
  std::unique_ptr<ProductTimer> made(new ProductTimer(command, launch.stream));
  if (Status s = made->allocate(); !s.ok()) return s;
  PT_CUDA(cudaEventCreate(&made->start_), "making an event");
  PT_CUDA(cudaEventCreate(&made->end_), "making an event");
  out = std::move(made);
  return Status::success();
}

ProductTimer::~ProductTimer() {
  if (start_) cudaEventDestroy(start_);
  if (end_) cudaEventDestroy(end_);
  if (memory_) cudaFree(memory_);
}

Status ProductTimer::allocate() {
  size_t bytes = 0, offsets[3];
  for (const int slot : {gemm::a, gemm::b, gemm::c}) {
    offsets[slot] = bytes;
    bytes += (static_cast<size_t>(command_.tensor(slot).bytes()) + 255) / 256 * 256;
  }
  const cudaError_t error = cudaMalloc(&memory_, bytes);
  if (error == cudaErrorMemoryAllocation) cudaGetLastError();  // told here; not to surprise a later call
  PT_CUDA(error, "making room to time products");
  for (const int slot : {gemm::a, gemm::b, gemm::c})
    command_.tensors[slot].data = static_cast<char*>(memory_) + offsets[slot];
  return fill(bytes);
}

/// bf16 of either sign between 1/8 and 2; two of them are a float of that size too. Of zeros, or of few bits, products
/// draw less power and run faster than any real one.
static std::vector<uint16_t> random_numbers() {
  std::vector<uint16_t> numbers(kRandomBytes / 2);
  uint32_t state = 1;
  for (uint16_t& number : numbers) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;  // xorshift32 (G. Marsaglia)
    number = static_cast<uint16_t>((state & 0x8000) | (124 + (state >> 16) % 4) << 7 | (state & 0x7f));
  }
  return numbers;
}

Status ProductTimer::fill(size_t bytes) {
  const std::vector<uint16_t> numbers = random_numbers();
  char* to = static_cast<char*>(memory_);
  size_t filled = std::min(bytes, kRandomBytes);
  PT_CUDA(cudaMemcpyAsync(to, numbers.data(), filled, cudaMemcpyHostToDevice, stream_), "copying random numbers");
  for (; filled < bytes; filled += std::min(filled, bytes - filled))
    PT_CUDA(cudaMemcpyAsync(to + filled, to, std::min(filled, bytes - filled), cudaMemcpyDeviceToDevice, stream_),
            "copying random numbers");
  PT_CUDA(cudaStreamSynchronize(stream_), "copying random numbers");
  return Status::success();
}

Status ProductTimer::time(const Way& way, double& microseconds) {
  double once = 0;
  if (Status s = run(way, 1, once); !s.ok()) return s;
  if (Status s = run(way, 1, once); !s.ok()) return s;
  const int repeats = static_cast<int>(std::clamp(kMicrosecondsARun / std::max(once, 1.0), 1.0, double{kMostRepeats}));
  double runs[kRuns];
  for (double& one : runs)
    if (Status s = run(way, repeats, one); !s.ok()) return s;
  std::sort(runs, runs + kRuns);
  microseconds = runs[kRuns / 2];
  return Status::success();
}

Status ProductTimer::run(const Way& way, int repeats, double& microseconds) {
  PT_CUDA(cudaEventRecord(start_, stream_), "timing a product");
  for (int i = 0; i < repeats; i++)
    if (Status s = way(command_); !s.ok()) return s;
  PT_CUDA(cudaEventRecord(end_, stream_), "timing a product");
  PT_CUDA(cudaEventSynchronize(end_), "timing a product");
  float milliseconds = 0;
  PT_CUDA(cudaEventElapsedTime(&milliseconds, start_, end_), "timing a product");
  microseconds = 1e3 * static_cast<double>(milliseconds) / repeats;
  return Status::success();
}

}  // namespace pt::cuda
