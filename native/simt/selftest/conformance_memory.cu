// The shared window, copies in the background, vector loads and stores.
#include "cuda/bf16.cuh"
#include "simt/selftest/conformance.h"

using namespace pt::cuda;

namespace conformance {

namespace memory_kernels {

/// Two groups of 16 bytes a thread; odd threads' copies of the second are not valid. `out` [2, 64] vectors.
__global__ void __launch_bounds__(64) copy_behind(const uint4* x, uint4* out) {
  PT_SHARED(shared);
  uint4* stage = reinterpret_cast<uint4*>(shared);  // [2, 64]
  const int t = static_cast<int>(threadIdx.x);
  cp_async_16(shared_address(stage + t), x + t, true);
  cp_async_commit();
  cp_async_16(shared_address(stage + 64 + t), t % 2 ? nullptr : x + 64 + t, t % 2 == 0);
  cp_async_commit();
  cp_async_wait<1>();
  sync_block();
  out[t] = stage[63 - t];
  cp_async_wait<0>();
  sync_block();
  out[64 + t] = stage[64 + 63 - t];
}

/// The window starts at a multiple of 1024, and addresses count bytes.
__global__ void __launch_bounds__(32) window(uint32_t* out) {
  PT_SHARED(shared);
  const uint32_t base = shared_address(shared);
  out[threadIdx.x] = base % 1024 + (shared_address(shared + threadIdx.x * 12) - base);
}

__global__ void __launch_bounds__(32) vectors(const bf16* x, const float* y, bf16* x_out, float* y_out) {
  float eight[8], four[4];
  load8(eight, x + threadIdx.x * 8);
  store8(x_out + threadIdx.x * 8, eight);
  load4(four, y + threadIdx.x * 4);
  store4(y_out + threadIdx.x * 4, four);
}

}  // namespace memory_kernels

// ------------------------------------------------------------------------------------------------------------------

static std::vector<uint32_t> words(const std::vector<uint4>& vectors) {
  std::vector<uint32_t> all;
  for (const uint4& v : vectors)
    for (const uint32_t word : {v.x, v.y, v.z, v.w}) all.push_back(word);
  return all;
}

static bool check_copies() {
  Numbers numbers;
  std::vector<uint4> x(128), expected(128);
  for (uint4& v : x) v = make_uint4(numbers.bits(), numbers.bits(), numbers.bits(), numbers.bits());
  for (int t = 0; t < 64; t++) {
    const int source = 63 - t;
    expected[t] = x[source];
    expected[64 + t] = source % 2 ? make_uint4(0, 0, 0, 0) : x[64 + source];
  }
  const Device<uint4> device_x(x), out(128);
  run(memory_kernels::copy_behind, 1, 64, 2048, device_x.data(), out.data());
  return exactly("cp_async_16", words(out.values()), words(expected));
}

static bool check_window() {
  const Device<uint32_t> out(32);
  run(memory_kernels::window, 1, 32, 400, out.data());
  std::vector<uint32_t> expected(32);
  for (uint32_t i = 0; i < 32; i++) expected[i] = i * 12;
  return exactly("PT_SHARED, shared_address", out.values(), expected);
}

static bool check_vectors() {
  Numbers numbers;
  std::vector<bf16> x(256);
  std::vector<float> y(128);
  for (bf16& v : x) v.bits = static_cast<uint16_t>(numbers.bits() & 0xbfff);  // no NaN, no infinity
  for (float& v : y) v = numbers.real();
  const Device<bf16> device_x(x), x_out(256);
  const Device<float> device_y(y), y_out(128);
  run(memory_kernels::vectors, 1, 32, 0, device_x.data(), device_y.data(), x_out.data(), y_out.data());
  std::vector<uint32_t> actual, expected;
  for (const bf16 v : x_out.values()) actual.push_back(v.bits);
  for (const float v : y_out.values()) actual.push_back(to_bits(v));
  for (const bf16 v : x) expected.push_back(v.bits);
  for (const float v : y) expected.push_back(to_bits(v));
  return exactly("load8, store8, load4, store4", actual, expected);
}

bool check_memory() {
  bool ok = check_copies();
  ok = check_window() && ok;
  return check_vectors() && ok;
}

}  // namespace conformance
