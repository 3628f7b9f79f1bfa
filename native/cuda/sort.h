// A stable sort by an integer key, on the device, for ops whose sums must come in a fixed order.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace pt::cuda {

struct Launch;

struct alignas(8) SortEntry {
  uint32_t key;
  int32_t value;
};

constexpr int kSortDigits = 256;
constexpr int kSortTile = 1024;  // entries a block

/// Ints of scratch memory that sorting n entries needs: counts [kSortDigits, tiles] and totals [kSortDigits].
constexpr int64_t sort_counts(int64_t n) { return kSortDigits * ((n + kSortTile - 1) / kSortTile + 1); }

/// Sorts entries [n] by the low `bits` bits of their keys, equal keys in the order they came in: a radix sort, the
/// least significant digit first, 8 bits at a time. `spare` [n] and `counts` are overwritten; *sorted becomes the one
/// of `entries` and `spare` that holds the result.
Status sort(const Launch& launch, SortEntry* entries, SortEntry* spare, int32_t* counts, int64_t n, int bits,
            const SortEntry** sorted);

/// The bits that keys 0 … largest take.
constexpr int bits_of(uint32_t largest) {
  int bits = 0;
  while (bits < 32 && largest >> bits != 0) bits++;
  return bits;
}

}  // namespace pt::cuda
