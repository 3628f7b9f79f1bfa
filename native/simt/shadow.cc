#include "simt/shadow.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "simt/memory.h"

namespace simt {

void* reserve_memory(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) std::abort();
  return p;
}

GlobalShadow::GlobalShadow()
    : cells(static_cast<GlobalCell*>(reserve_memory(DeviceMemory::kCapacity / kGrain * sizeof(GlobalCell)))),
      state(static_cast<uint8_t*>(reserve_memory(DeviceMemory::kCapacity / kGrain))) {}

void GlobalShadow::set_initialised(size_t offset, size_t bytes) {
  const size_t first = first_grain(offset);
  std::memset(state + first, kInitialised, end_grain(offset, bytes) - first);
}

void GlobalShadow::set_uninitialised(size_t offset, size_t bytes) {
  std::memset(state + first_grain(offset), 0, end_grain(offset, bytes) - first_grain(offset));
}

void GlobalShadow::copy(size_t to, size_t from, size_t bytes) {
  std::memmove(state + first_grain(to), state + first_grain(from), (bytes + kGrain - 1) / kGrain);
}

void GlobalShadow::forget(size_t offset, size_t bytes) {
  const size_t first = first_grain(offset), count = end_grain(offset, bytes) - first;
  std::memset(state + first, 0, count);
  // The gaps around an allocation are wider than a page of the shadow, so whole pages can go back.
  const uintptr_t begin = reinterpret_cast<uintptr_t>(cells + first) / 4096 * 4096;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(cells + first + count) + 4095) / 4096 * 4096;
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

GlobalShadow& global_shadow() {
  static GlobalShadow* shadow = new GlobalShadow;
  return *shadow;
}

}  // namespace simt
