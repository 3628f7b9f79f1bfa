// Atomics on global or shared memory. Fibers change only at known places, so each is atomic as it stands.
#include "simt/block.h"
#include "simt/checker.h"

namespace simt {

int32_t atomic_add(int32_t* p, int32_t value) {
  block->maybe_yield();
  if (block->checker) block->checker->atomic(block->current(), p, sizeof *p, __builtin_return_address(0));
  const int32_t old = *p;
  *p = static_cast<int32_t>(static_cast<uint32_t>(old) + static_cast<uint32_t>(value));
  return old;
}

int32_t atomic_compare_swap(int32_t* p, int32_t expected, int32_t value) {
  block->maybe_yield();
  if (block->checker) block->checker->atomic(block->current(), p, sizeof *p, __builtin_return_address(0));
  const int32_t old = *p;
  if (old == expected) *p = value;
  return old;
}

}  // namespace simt
