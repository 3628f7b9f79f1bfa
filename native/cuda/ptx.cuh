// Every instruction that C++ has no word for. Each wrapper has a device body and, for the emulator that runs kernels on
// the CPU (native/simt), a host body; kernels use nothing of CUDA but these, threadIdx/blockIdx and <cmath>.
//
// Rules for kernels:
//   - shared memory is dynamic only (PT_SHARED), addressed by 32-bit shared addresses where the hardware wants them;
//   - warp-wide wrappers are called by all 32 lanes in uniform code; they order nothing: order comes from sync_warp,
//     sync_block and cp_async_wait;
//   - blocks of one launch never wait for one another: blocks run in any order, one at a time in the emulator;
//   - no bare spin loops; register arrays are indexed by compile-time constants (#pragma unroll);
//   - every kernel has __launch_bounds__, lives in a named namespace and is not static.
#pragma once
#include <cstdint>

#include "cuda/runtime.h"

#ifdef PT_SIMT
#define PT_DEVICE inline
#define PT_SHARED(name) unsigned char* const name = ::simt::shared_memory()
#else
#define PT_DEVICE __device__ __forceinline__
#define PT_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#endif

namespace pt::cuda {

/// Storage of a brain float; arithmetic is always in float (cuda/bf16.cuh).
struct bf16 {
  uint16_t bits;
};

#ifdef PT_SIMT  // ---- emulator ----------------------------------------------------------------------------------

PT_DEVICE uint32_t shared_address(const void* p) { return simt::shared_address(p); }
PT_DEVICE void sync_block(int line = __builtin_LINE()) { simt::sync_block(line); }
PT_DEVICE void sync_warp() { simt::sync_warp(); }

PT_DEVICE uint32_t shuffle_bits(uint32_t value, int source_lane) { return simt::shuffle(value, source_lane); }
PT_DEVICE uint32_t ballot(bool predicate) { return simt::ballot(predicate); }
PT_DEVICE int lane_id() { return simt::lane_id(); }
PT_DEVICE int popcount(uint32_t bits) { return __builtin_popcount(bits); }
/// The compiler takes x for a new value from here on: it recomputes what it would else keep in registers of its own.
PT_DEVICE void opaque(uint32_t&) {}

/// Copies 16 bytes from global to shared memory in the background; zeros instead when not `valid`.
PT_DEVICE void cp_async_16(uint32_t to, const void* from, bool valid) { simt::cp_async_16(to, from, valid); }
PT_DEVICE void cp_async_commit() { simt::cp_async_commit(); }
/// Until at most N of this thread's committed groups are under way. What other threads copied needs sync_block too.
template <int N>
PT_DEVICE void cp_async_wait() {
  simt::cp_async_wait(N);
}

/// Four 8×8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
/// r[m] of lane l: elements (l / 4, 2·(l % 4)) and the next; transposed: (2·(l % 4), l / 4) and the row below.
PT_DEVICE void ldmatrix_x4(uint32_t (&r)[4], uint32_t row) { simt::ldmatrix(r, 4, row, false); }
PT_DEVICE void ldmatrix_x4_trans(uint32_t (&r)[4], uint32_t row) { simt::ldmatrix(r, 4, row, true); }
/// Two matrices; lanes 0 … 15 give the addresses.
PT_DEVICE void ldmatrix_x2(uint32_t (&r)[2], uint32_t row) { simt::ldmatrix(r, 2, row, false); }
PT_DEVICE void ldmatrix_x2_trans(uint32_t (&r)[2], uint32_t row) { simt::ldmatrix(r, 2, row, true); }

/// d += A·B on tensor cores: A [16, 16] by rows, B [16, 8] by columns, bf16; d [16, 8] float. With g = lane / 4 and
/// t = lane % 4: a[q] holds row g + 8·(q % 2), columns 2t + 8·(q / 2) and the next; b0 rows 2t, 2t+1 of column g, b1
/// the same 8 rows below; d[i] is row g + 8·(i / 2), column 2t + i % 2.
PT_DEVICE void mma_16x8x16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  simt::mma_16x8x16_bf16(d, a, b0, b1);
}

PT_DEVICE float exp2_approx(float x) { return simt::flush(exp2f(simt::flush(x))); }
PT_DEVICE float log2_approx(float x) { return log2f(simt::flush(x)); }
PT_DEVICE float reciprocal_approx(float x) { return simt::flush(1.0f / simt::flush(x)); }
PT_DEVICE float rsqrt_approx(float x) { return 1.0f / sqrtf(simt::flush(x)); }
/// Round to nearest, ties to even; `low` in bits 0 … 15.
PT_DEVICE uint32_t pack_bf16(float low, float high) {
  return static_cast<uint32_t>(simt::round_bf16(low)) | static_cast<uint32_t>(simt::round_bf16(high)) << 16;
}

/// Atomics on integers only: their result does not depend on the order. They return the old value.
PT_DEVICE int32_t atomic_add(int32_t* p, int32_t v) { return simt::atomic_add(p, v); }
PT_DEVICE int32_t atomic_compare_swap(int32_t* p, int32_t expected, int32_t value) {
  return simt::atomic_compare_swap(p, expected, value);
}

#else  // ---- device ------------------------------------------------------------------------------------------------

PT_DEVICE uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }
PT_DEVICE void sync_block() { __syncthreads(); }
PT_DEVICE void sync_warp() { __syncwarp(); }

PT_DEVICE uint32_t shuffle_bits(uint32_t value, int source_lane) {
  return __shfl_sync(0xffffffffu, value, source_lane);
}
PT_DEVICE uint32_t ballot(bool predicate) { return __ballot_sync(0xffffffffu, predicate); }
PT_DEVICE int lane_id() { return static_cast<int>(threadIdx.x & 31); }
PT_DEVICE int popcount(uint32_t bits) { return __popc(bits); }
PT_DEVICE void opaque(uint32_t& x) { asm volatile("" : "+r"(x)); }

PT_DEVICE void cp_async_16(uint32_t to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid ? 16 : 0) : "memory");
}
PT_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N>
PT_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

PT_DEVICE void ldmatrix_x4(uint32_t (&r)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
PT_DEVICE void ldmatrix_x4_trans(uint32_t (&r)[4], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
PT_DEVICE void ldmatrix_x2(uint32_t (&r)[2], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row)
               : "memory");
}
PT_DEVICE void ldmatrix_x2_trans(uint32_t (&r)[2], uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row)
               : "memory");
}

PT_DEVICE void mma_16x8x16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

PT_DEVICE float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
PT_DEVICE float log2_approx(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
PT_DEVICE float reciprocal_approx(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
PT_DEVICE float rsqrt_approx(float x) {
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
PT_DEVICE uint32_t pack_bf16(float low, float high) {
  uint32_t r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
}

PT_DEVICE int32_t atomic_add(int32_t* p, int32_t v) { return atomicAdd(p, v); }
PT_DEVICE int32_t atomic_compare_swap(int32_t* p, int32_t expected, int32_t value) {
  return atomicCAS(p, expected, value);
}

#endif

// ---- made of the above -------------------------------------------------------------------------------------------

PT_DEVICE float bits_to_float(uint32_t bits) {
  union {
    uint32_t u;
    float f;
  } x = {bits};
  return x.f;
}
PT_DEVICE uint32_t float_to_bits(float value) {
  union {
    float f;
    uint32_t u;
  } x = {value};
  return x.u;
}

PT_DEVICE int warp_id() { return static_cast<int>(threadIdx.x >> 5); }

PT_DEVICE float shuffle(float v, int source_lane) { return bits_to_float(shuffle_bits(float_to_bits(v), source_lane)); }
PT_DEVICE int32_t shuffle(int32_t v, int source_lane) {
  return static_cast<int32_t>(shuffle_bits(static_cast<uint32_t>(v), source_lane));
}
PT_DEVICE double shuffle(double v, int source_lane) {
  union {
    double d;
    uint32_t u[2];
  } x = {v};
  x.u[0] = shuffle_bits(x.u[0], source_lane);
  x.u[1] = shuffle_bits(x.u[1], source_lane);
  return x.d;
}
/// From the lane whose number differs in the bits of `mask`.
template <class T>
PT_DEVICE T shuffle_xor(T v, int mask) {
  return shuffle(v, lane_id() ^ mask);
}

}  // namespace pt::cuda
