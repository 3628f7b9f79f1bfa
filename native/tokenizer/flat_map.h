// FlatMap: a hash table from 64-bit keys to 32-bit values that is filled once and then only read. Open addressing,
// linear probing, at most half full. The inner loop of the merges is a lookup here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pt {

class FlatMap {
 public:
  static constexpr int32_t kAbsent = INT32_MIN;

  explicit FlatMap(size_t entries) {
    size_t slots = 16;
    while (slots < 2 * entries) slots *= 2;
    slots_.assign(slots, {kEmpty, kAbsent});
  }

  /// The key must not be 2^63, which no pair of symbols makes (a symbol is above −2^31), and no more keys may be
  /// inserted than the constructor was told.
  void insert(uint64_t key, int32_t value) {
    size_t i = first_slot(key);
    while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = {key, value};
  }

  /// The value, or kAbsent.
  int32_t find(uint64_t key) const {
    size_t i = first_slot(key);
    while (slots_[i].key != key) {
      if (slots_[i].key == kEmpty) return kAbsent;
      i = (i + 1) & (slots_.size() - 1);
    }
    return slots_[i].value;
  }

 private:
  static constexpr uint64_t kEmpty = uint64_t{1} << 63;

  struct Slot {
    uint64_t key;
    int32_t value;
  };

  size_t first_slot(uint64_t key) const {
    key = (key ^ key >> 32) * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: spreads neighbours
    return static_cast<size_t>(key ^ key >> 29) & (slots_.size() - 1);
  }

  std::vector<Slot> slots_;
};

}  // namespace pt
