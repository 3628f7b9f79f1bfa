// What C++ that was translated from PTX calls (tools/ptx-to-cpp). Addresses are PTX's: 64-bit generic ones are pointers
// of this process, those of the shared space lie in the window of shared_address().
//
// Always inlined where the emulator notes who called: a report then names a line of the kernel.
#pragma once
#include "simt/device.h"

#define SIMT_PTX __attribute__((always_inline)) inline

namespace simt {

/// Translated kernels get an array of pointers to their arguments. Always true, for use in a static initialiser.
bool register_ptx(const char* mangled_name, void (*kernel)(const void* const* arguments));

namespace ptx {

// ---- memory

/// The 32-bit address of the window: the value of an extern .shared symbol.
SIMT_PTX uint32_t shared_base() { return shared_address(shared_memory()); }

/// cvta.shared and cvta.to.shared.
uint64_t generic_from_shared(uint64_t address);
uint64_t shared_from_generic(uint64_t address);

/// Follows an address of the shared space. `bytes` is the whole access (16 for .v4.b32); it must be aligned to that.
unsigned char* shared_at(uint32_t address, size_t bytes);

/// Follows a global or generic address; reports one that is not a multiple of `bytes`, the whole access.
SIMT_PTX unsigned char* global_at(uint64_t address, size_t bytes) {
  if ((address & (bytes - 1)) != 0) report_misaligned(reinterpret_cast<const void*>(address), bytes);
  return reinterpret_cast<unsigned char*>(address);
}

void atomic_access(const void* p, size_t bytes);  // tells the checker

/// atom.* on 32- and 64-bit integers: `combine(old)` is the new value; returns the old. Not instrumented: its own load
/// and store are no plain accesses.
template <class T, class Combine>
__attribute__((no_sanitize("thread"))) T atomic(uint64_t address, Combine combine) {
  T* p = reinterpret_cast<T*>(global_at(address, sizeof(T)));
  atomic_access(p, sizeof(T));
  const T old = *p;
  *p = combine(old);
  return old;
}

// ---- whole warps; other masks than the full one are reported

void demand_full(uint32_t mask, const char* instruction);

/// The c operand of shfl.sync taken apart, as the PTX manual does.
struct ShuffleBounds {
  uint32_t lane, segment, first, last;
  explicit ShuffleBounds(uint32_t c)
      : lane(static_cast<uint32_t>(lane_id())),
        segment(c >> 8 & 31),
        first(lane & segment),
        last(first | (c & 31 & ~segment)) {}
};

/// shfl.sync.*: `in_range` is the optional predicate; a lane that is out of range keeps its own value.
SIMT_PTX uint32_t shuffle_from(uint32_t value, uint32_t source, const ShuffleBounds& bounds, uint32_t mask,
                               bool in_range) {
  demand_full(mask, "shfl");
  return shuffle(value, static_cast<int>(in_range ? source : bounds.lane));
}
SIMT_PTX uint32_t shuffle_idx(uint32_t value, uint32_t b, uint32_t c, uint32_t mask, bool& in_range) {
  const ShuffleBounds bounds(c);
  const uint32_t source = bounds.first | (b & 31 & ~bounds.segment);
  in_range = source <= bounds.last;
  return shuffle_from(value, source, bounds, mask, in_range);
}
SIMT_PTX uint32_t shuffle_bfly(uint32_t value, uint32_t b, uint32_t c, uint32_t mask, bool& in_range) {
  const ShuffleBounds bounds(c);
  const uint32_t source = bounds.lane ^ (b & 31);
  in_range = source <= bounds.last;
  return shuffle_from(value, source, bounds, mask, in_range);
}
SIMT_PTX uint32_t shuffle_up(uint32_t value, uint32_t b, uint32_t c, uint32_t mask, bool& in_range) {
  const ShuffleBounds bounds(c);
  const uint32_t source = bounds.lane - (b & 31);
  in_range = static_cast<int>(source) >= static_cast<int>(bounds.last);  // for .up the bound is the lowest lane
  return shuffle_from(value, source, bounds, mask, in_range);
}
SIMT_PTX uint32_t shuffle_down(uint32_t value, uint32_t b, uint32_t c, uint32_t mask, bool& in_range) {
  const ShuffleBounds bounds(c);
  const uint32_t source = bounds.lane + (b & 31);
  in_range = source <= bounds.last;
  return shuffle_from(value, source, bounds, mask, in_range);
}

/// vote.sync.ballot; any, all and uni follow from it.
SIMT_PTX uint32_t ballot(bool predicate, uint32_t mask) {
  demand_full(mask, "vote");
  return simt::ballot(predicate);
}
SIMT_PTX void sync_warp(uint32_t mask) {
  demand_full(mask, "bar.warp.sync");
  simt::sync_warp();
}

/// bar.sync 0: `site` tells one bar.sync of the module from another.
SIMT_PTX void sync_block(int site) { simt::sync_block(site); }

// ---- copies and tensor cores

void demand_whole(uint32_t source_bytes);  // 0 or 16

/// cp.async of 16 bytes: `source_bytes` of them are read, the rest is zeros.
SIMT_PTX void cp_async_16(uint32_t to, uint64_t from, uint32_t source_bytes) {
  demand_whole(source_bytes);
  simt::cp_async_16(to, reinterpret_cast<const void*>(from), source_bytes == 16);
}
using simt::cp_async_commit;
using simt::cp_async_wait;

using simt::ldmatrix;  // (registers, matrices, row address, transposed)

/// d = A·B + c
SIMT_PTX void mma_16x8x16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const float (&c)[4]) {
  float sum[4] = {c[0], c[1], c[2], c[3]};
  simt::mma_16x8x16_bf16(sum, a, b[0], b[1]);
  for (int i = 0; i < 4; i++) d[i] = sum[i];
}

}  // namespace ptx
}  // namespace simt
