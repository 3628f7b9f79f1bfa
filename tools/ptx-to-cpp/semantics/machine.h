// What instructions do to memory and to other threads, on top of the emulator (simt/ptx_runtime.h). Addresses are
// integers: pointers of the host, except in shared memory, which is a window of 32-bit addresses. The accesses
// themselves are plain C++, where the emulator's checker sees them.
#pragma once
#include <algorithm>

#include "simt/ptx_runtime.h"
#include "simt/report.h"
#include "values.h"

namespace ptx {

/// N neighbours of type T, which an instruction accesses at once.
template <class T, int N>
PTX_INLINE T* pointer(uint64_t address) {
  return reinterpret_cast<T*>(simt::ptx::global_at(address, N * sizeof(T)));
}
template <class T, int N>
PTX_INLINE T* shared_pointer(uint32_t address) {
  return reinterpret_cast<T*>(simt::ptx::shared_at(address, N * sizeof(T)));
}

// ---- atomics; they give the old value

template <class T>
PTX_INLINE T atomic_add(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return static_cast<T>(old + static_cast<Unsigned<T>>(v)); });
}
template <class T>
PTX_INLINE T atomic_min(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return std::min(old, v); });
}
template <class T>
PTX_INLINE T atomic_max(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return std::max(old, v); });
}
template <class T>
PTX_INLINE T atomic_exch(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T) { return v; });
}
template <class T>
PTX_INLINE T atomic_cas(uint64_t p, T expected, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return old == expected ? v : old; });
}
template <class T>
PTX_INLINE T atomic_and(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return static_cast<T>(old & v); });
}
template <class T>
PTX_INLINE T atomic_or(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return static_cast<T>(old | v); });
}
template <class T>
PTX_INLINE T atomic_xor(uint64_t p, T v) {
  return simt::ptx::atomic<T>(p, [=](T old) { return static_cast<T>(old ^ v); });
}

// ---- votes of the whole warp

PTX_INLINE uint32_t vote_ballot(bool vote, uint32_t mask) { return simt::ptx::ballot(vote, mask); }
PTX_INLINE bool vote_all(bool vote, uint32_t mask) { return vote_ballot(vote, mask) == mask; }
PTX_INLINE bool vote_any(bool vote, uint32_t mask) { return vote_ballot(vote, mask) != 0; }
PTX_INLINE bool vote_uni(bool vote, uint32_t mask) {
  const uint32_t votes = vote_ballot(vote, mask);
  return votes == 0 || votes == mask;
}

// ---- tensor cores

struct Four {
  float d[4];
};
/// A·B + c. Not inlined, everything in registers: kernels have hundreds of these, and they are what compiling takes.
[[gnu::noinline]] inline Four mma_16x8x16_bf16(uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                               uint32_t b1, float c0, float c1, float c2, float c3) {
  Four d = {{c0, c1, c2, c3}};
  const uint32_t a[4] = {a0, a1, a2, a3};
  simt::mma_16x8x16_bf16(d.d, a, b0, b1);
  return d;
}

// ---- the rest

/// Every access is seen by all threads at once, so a fence has nothing to do. It orders nothing for the checker.
PTX_INLINE void fence() {}
[[noreturn]] inline void trap(const char* instruction) { simt::report("trap", "the kernel ran into %s", instruction); }

}  // namespace ptx
