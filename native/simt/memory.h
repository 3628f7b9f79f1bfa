// Device memory: one stretch of address space for all emulated devices of the process, with wide gaps between
// allocations. An address is valid when it lies inside a live allocation, and only kernels and copies may follow it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace simt {

struct Machine;

struct Allocation {
  unsigned char* data = nullptr;
  size_t bytes = 0;
  uint32_t number = 0;             // counted from 1 over the life of the process
  std::shared_ptr<Machine> owner;  // whose budget it is taken from
};

class DeviceMemory {
 public:
  static constexpr size_t kCapacity = size_t{8} << 30;

  DeviceMemory();

  /// Filled with 0xff: NaN in every format. Null when there is no room.
  void* allocate(size_t bytes, std::shared_ptr<Machine> owner);
  /// False when nothing was allocated there.
  bool free(void* p);

  bool contains(const void* p) const { return offset(p) < kCapacity; }
  size_t offset(const void* p) const { return static_cast<size_t>(static_cast<const unsigned char*>(p) - base_); }
  /// The allocation that p lies in or close to; null when there is none. O(1).
  const Allocation* near(const void* p) const {
    const uint32_t number = contains(p) ? owners_[offset(p) / kChunk] : 0;
    return number == 0 ? nullptr : &live_[number - 1];
  }
  /// The allocation that holds all the bytes, or null.
  const Allocation* holding(const void* p, size_t bytes) const {
    const Allocation* a = near(p);
    const auto* first = static_cast<const unsigned char*>(p);
    return a && first >= a->data && first + bytes <= a->data + a->bytes ? a : nullptr;
  }

 private:
  static constexpr size_t kChunk = size_t{64} << 10;  // no two allocations share one
  static constexpr size_t kGap = size_t{1} << 20;

  unsigned char* base_;
  size_t next_ = kGap;             // new allocations go here while there is room: freed addresses stay invalid for long
  std::map<size_t, uint32_t> at_;  // offset → index in live_ + 1
  std::vector<Allocation> live_;
  std::vector<uint32_t> unused_;  // indexes of live_ that are free, + 1
  std::vector<uint32_t> owners_;  // of each chunk: index in live_ + 1
  uint32_t allocations_ = 0;
};

DeviceMemory& device_memory();

}  // namespace simt
