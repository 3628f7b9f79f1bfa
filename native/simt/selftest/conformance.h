// Conformance: every wrapper of cuda/ptx.cuh against a formula that was written down independently of it. The program
// runs on the emulator, where it tests the emulator, and compiled by nvcc on a GPU, where it tests the formulas: when
// both pass, what the other kernels' tests believe of the hardware is true. Prints a JSON line for each wrapper.
//
//   nvcc -std=c++17 -O3 -arch=sm_80 -I native -o conformance native/simt/selftest/conformance*.cu
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cuda/launch.h"

namespace pt::cuda {
class Products {};  // the kernels here use none
}  // namespace pt::cuda

namespace conformance {

constexpr uint32_t kSeed = 20261123;

/// xorshift32: the same inputs on every machine.
class Numbers {
 public:
  uint32_t bits() {
    state_ ^= state_ << 13, state_ ^= state_ >> 17, state_ ^= state_ << 5;
    return state_;
  }
  /// In −1 … 1.
  float real() { return static_cast<float>(static_cast<int32_t>(bits())) * 0x1p-31f; }
  int integer(int low, int high) { return low + static_cast<int>(bits() % static_cast<uint32_t>(high - low + 1)); }

 private:
  uint32_t state_ = kSeed;
};

inline float from_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline uint32_t to_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// An array on the device.
template <class T>
class Device {
 public:
  explicit Device(const std::vector<T>& values) : size_(values.size()) {
    (void)cudaMalloc(reinterpret_cast<void**>(&data_), size_ * sizeof(T));
    (void)cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  explicit Device(size_t size) : Device(std::vector<T>(size)) {}
  Device(const Device&) = delete;
  ~Device() { (void)cudaFree(data_); }

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> host(size_);
    (void)cudaMemcpy(host.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost);
    return host;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

/// Runs a kernel to its end; a failure is printed and spoils the outcome, as nothing was written.
template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), int blocks, int threads, size_t shared_bytes, Arguments... arguments) {
  static pt::cuda::DeviceInfo device = {};
  static pt::cuda::Products products;
  const pt::cuda::Launch launch = {nullptr, nullptr, {nullptr, 0}, device, products};
  const pt::Status status = pt::cuda::start(launch, "conformance", kernel, dim3(static_cast<unsigned>(blocks)),
                                            dim3(static_cast<unsigned>(threads)), shared_bytes, arguments...);
  const cudaError_t error = cudaDeviceSynchronize();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message);
  if (error != cudaSuccess) std::fprintf(stderr, "%s\n", cudaGetErrorString(error));
}

/// The outcome of a wrapper whose every bit is defined. The hash is of what came out.
bool exactly(const char* wrapper, const std::vector<uint32_t>& actual, const std::vector<uint32_t>& expected);
/// Of one that may round: the greatest error against what is allowed.
bool closely(const char* wrapper, double error, double allowed);

// Each prints its lines; true when all is well.
bool check_matrices();
bool check_exchange();
bool check_memory();
bool check_rounding();
bool check_functions();

}  // namespace conformance
