// What kernels see of the emulator: the words of CUDA C++, and one function for each instruction that C++ has no word
// for (cuda/ptx.cuh calls them). Each runs in the fiber of the calling CUDA thread.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "simt/vector_types.h"

namespace simt {

/// Where a thread stands in its launch.
struct Place {
  uint3 thread, block;
  dim3 block_size, grid_size;
};

/// Of the running CUDA thread; null outside of kernels.
extern __thread const Place* here __attribute__((tls_model("initial-exec")));

// ---- shared memory: a window of 32-bit addresses, as large as the launch asked for
unsigned char* shared_memory();
uint32_t shared_address(const void* p);

// ---- order
void sync_block(int line);  // `line` of the source: all threads must meet at the same one
void sync_warp();

// ---- exchange within a warp; all 32 lanes call
uint32_t shuffle(uint32_t value, int source_lane);
uint32_t ballot(bool predicate);
int lane_id();

// ---- copies in the background, global to shared
void cp_async_16(uint32_t to, const void* from, bool valid);
void cp_async_commit();
void cp_async_wait(int groups_under_way);

// ---- tensor cores
void ldmatrix(uint32_t* registers, int matrices, uint32_t row, bool transposed);
void mma_16x8x16_bf16(float* d, const uint32_t* a, uint32_t b0, uint32_t b1);

// ---- atomics
int32_t atomic_add(int32_t* p, int32_t value);
int32_t atomic_compare_swap(int32_t* p, int32_t expected, int32_t value);

// ---- arithmetic
/// Denormals become zeros of the same sign, as .ftz does.
inline float flush(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }

/// Nearest bf16, ties to even; every NaN becomes 0x7fff, as on the device.
inline uint16_t round_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

}  // namespace simt

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define threadIdx (::simt::here->thread)
#define blockIdx (::simt::here->block)
#define blockDim (::simt::here->block_size)
#define gridDim (::simt::here->grid_size)
