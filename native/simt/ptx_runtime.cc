#include "simt/ptx_runtime.h"

#include "simt/block.h"
#include "simt/checker.h"
#include "simt/report.h"
#include "simt/shared_memory.h"

namespace simt::ptx {

uint64_t generic_from_shared(uint64_t address) {
  return reinterpret_cast<uint64_t>(shared_memory()) + address - SharedMemory::kBase;
}

uint64_t shared_from_generic(uint64_t address) { return shared_address(reinterpret_cast<const void*>(address)); }

unsigned char* shared_at(uint32_t address, size_t bytes) {
  return block->shared->at(address, bytes, bytes, "an access");
}

void atomic_access(const void* p, size_t bytes) {
  block->maybe_yield();
  if (block->checker) block->checker->atomic(block->current(), p, bytes, __builtin_return_address(0));
}

void demand_full(uint32_t mask, const char* instruction) {
  if (mask != kFullMask)
    report("divergence", "%s with the mask %08x; only whole warps are supported", instruction, mask);
}

void demand_whole(uint32_t source_bytes) {
  if (source_bytes != 0 && source_bytes != 16)
    report("unsupported", "a cp.async that reads %u of 16 bytes", source_bytes);
}

}  // namespace simt::ptx
