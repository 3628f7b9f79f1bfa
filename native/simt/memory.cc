#include "simt/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "simt/machine.h"
#include "simt/shadow.h"

namespace simt {

DeviceMemory::DeviceMemory()
    : base_(static_cast<unsigned char*>(reserve_memory(kCapacity))), owners_(kCapacity / kChunk, 0) {}

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

void* DeviceMemory::allocate(size_t bytes, std::shared_ptr<Machine> owner) {
  const size_t span = round_up(bytes, kChunk) + kGap;
  size_t at = next_;
  if (at + span > kCapacity) {  // start over in the first hole that is wide enough
    at = kGap;
    for (const auto& [offset, index] : at_) {
      if (offset >= at + span) break;
      at = round_up(offset + live_[index - 1].bytes, kChunk) + kGap;
    }
    if (at + span > kCapacity) return nullptr;
  }
  next_ = at + span;

  at += 256;  // the alignment that cudaMalloc promises, and no better
  if (unused_.empty()) {
    live_.emplace_back();
    unused_.push_back(static_cast<uint32_t>(live_.size()));
  }
  const uint32_t index = unused_.back();
  unused_.pop_back();
  live_[index - 1] = {base_ + at, bytes, ++allocations_, std::move(owner)};
  at_[at] = index;
  for (size_t chunk = at / kChunk; chunk <= (at + bytes - 1) / kChunk; chunk++) owners_[chunk] = index;
  std::memset(base_ + at, 0xff, bytes);
  return base_ + at;
}

bool DeviceMemory::free(void* p) {
  const auto found = at_.find(offset(p));
  if (found == at_.end()) return false;
  const uint32_t index = found->second;
  const size_t at = found->first, bytes = live_[index - 1].bytes;
  live_[index - 1].owner->memory_used -= bytes;
  at_.erase(found);
  for (size_t chunk = at / kChunk; chunk <= (at + bytes - 1) / kChunk; chunk++) owners_[chunk] = 0;
  live_[index - 1] = {};
  unused_.push_back(index);
  global_shadow().forget(at, bytes);
  const size_t first = at / 4096 * 4096;  // nobody else's pages: gaps are wider
  madvise(base_ + first, round_up(at + bytes, 4096) - first, MADV_DONTNEED);
  return true;
}

DeviceMemory& device_memory() {
  static DeviceMemory* memory = new DeviceMemory;  // never destroyed: threads may outlive main
  return *memory;
}

}  // namespace simt
