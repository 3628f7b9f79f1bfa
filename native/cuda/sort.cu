// Each pass sorts by one digit: every tile counts its digits, the counts are turned into places, every tile moves its
// entries there. The only atomics count integers, so a result depends on nothing but the entries.
#include "cuda/kernels.h"
#include "cuda/ptx.cuh"
#include "cuda/sort.h"

namespace pt::cuda {
namespace {

constexpr int kDigitBits = 8;
constexpr int kDigits = kSortDigits;
constexpr int kThreads = kDigits;  // a thread a digit where digits are counted
constexpr int kWarps = kThreads / 32;
constexpr int kRounds = kSortTile / kThreads;  // entries a thread
constexpr int kWarpEntries = 32 * kRounds;     // neighbours, so that ranks within a warp follow their order
static_assert(kDigits == 1 << kDigitBits, "one count for each value of a digit");

PT_DEVICE int digit_of(const SortEntry& entry, int shift) {
  return static_cast<int>(entry.key >> shift & (kDigits - 1));
}

/// The sum of x over the lanes up to this one.
PT_DEVICE int warp_sum_through(int x) {
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const int below = shuffle(x, (lane_id() - distance) & 31);
    if (lane_id() >= distance) x += below;
  }
  return x;
}

/// The sum of x over the threads before this one. `scratch`: shared memory for kWarps ints.
PT_DEVICE int sum_before(int x, int* scratch) {
  const int through = warp_sum_through(x);
  if (lane_id() == 31) scratch[warp_id()] = through;
  sync_block();
  int before = through - x;
#pragma unroll
  for (int w = 0; w < kWarps; w++)
    if (w < warp_id()) before += scratch[w];
  return before;
}

/// The lanes (of those that are valid) whose digit is this lane's.
PT_DEVICE uint32_t lanes_with_digit(int digit, bool valid) {
  uint32_t lanes = ballot(valid);
#pragma unroll
  for (int bit = 0; bit < kDigitBits; bit++) {
    const bool set = digit >> bit & 1;
    const uint32_t with_bit = ballot(set);
    lanes &= set ? with_bit : ~with_bit;
  }
  return lanes;
}

/// counts: [kDigits, tiles], then totals [kDigits]
PT_DEVICE int* totals_of(int* counts, int tiles) { return counts + static_cast<int64_t>(kDigits) * tiles; }
}  // namespace

namespace sort_kernels {

/// counts[digit, tile] = how often the digit occurs in the tile
__global__ void __launch_bounds__(kThreads) count_digits(const SortEntry* entries, int* counts, int n, int shift) {
  PT_SHARED(shared);
  int* count = reinterpret_cast<int*>(shared);  // [kDigits]
  count[threadIdx.x] = 0;
  sync_block();
  const int first = static_cast<int>(blockIdx.x) * kSortTile + static_cast<int>(threadIdx.x);
#pragma unroll
  for (int round = 0; round < kRounds; round++) {
    const int64_t i = static_cast<int64_t>(first) + round * kThreads;
    if (i < n) atomic_add(&count[digit_of(entries[i], shift)], 1);
  }
  sync_block();
  counts[threadIdx.x * static_cast<int64_t>(gridDim.x) + blockIdx.x] = count[threadIdx.x];
}

/// One warp a digit: counts[digit, tile] becomes the sum over the tiles before, totals[digit] that over all.
__global__ void __launch_bounds__(kThreads) sum_counts(int* counts, int tiles) {
  const int digit = static_cast<int>(blockIdx.x) * kWarps + warp_id();
  int* row = counts + static_cast<int64_t>(digit) * tiles;
  int before = 0;
  for (int first = 0; first < tiles; first += 32) {
    const int tile = first + lane_id();
    const int count = tile < tiles ? row[tile] : 0;
    const int through = before + warp_sum_through(count);
    if (tile < tiles) row[tile] = through - count;
    before = shuffle(through, 31);
  }
  if (lane_id() == 0) totals_of(counts, tiles)[digit] = before;
}

/// One block a tile: moves each entry to its place.
__global__ void __launch_bounds__(kThreads)
    move_entries(const SortEntry* from, SortEntry* to, int* counts, int n, int shift) {
  PT_SHARED(shared);
  int* scratch = reinterpret_cast<int*>(shared);  // [kWarps]
  int* places = scratch + kWarps;                 // [kWarps, kDigits]: counts, then where the digits of each warp begin
  const int thread = static_cast<int>(threadIdx.x), tiles = static_cast<int>(gridDim.x);
  int* mine = places + warp_id() * kDigits;
#pragma unroll
  for (int w = 0; w < kWarps; w++) places[w * kDigits + thread] = 0;
  sync_block();

  const int64_t first = static_cast<int64_t>(blockIdx.x) * kSortTile + warp_id() * kWarpEntries + lane_id();
  SortEntry entries[kRounds];
  int ranks[kRounds];  // among the entries of this warp with the same digit
#pragma unroll
  for (int round = 0; round < kRounds; round++) {
    const int64_t i = first + 32 * round;
    entries[round] = i < n ? from[i] : SortEntry{0, 0};
  }
#pragma unroll
  for (int round = 0; round < kRounds; round++) {
    const bool valid = first + 32 * round < n;
    const int digit = digit_of(entries[round], shift);
    const uint32_t lanes = lanes_with_digit(digit, valid);
    const uint32_t lanes_before = lanes & ((1u << lane_id()) - 1);
    const int seen = mine[digit];
    ranks[round] = seen + popcount(lanes_before);
    sync_warp();
    if (valid && lanes_before == 0) mine[digit] = seen + popcount(lanes);
    sync_warp();
  }
  sync_block();

  int place = sum_before(totals_of(counts, tiles)[thread], scratch);  // where digit `thread` begins
  place += counts[thread * static_cast<int64_t>(tiles) + blockIdx.x];
#pragma unroll
  for (int w = 0; w < kWarps; w++) {
    const int count = places[w * kDigits + thread];
    places[w * kDigits + thread] = place;
    place += count;
  }
  sync_block();
#pragma unroll
  for (int round = 0; round < kRounds; round++)
    if (first + 32 * round < n) to[mine[digit_of(entries[round], shift)] + ranks[round]] = entries[round];
}
}  // namespace sort_kernels

// -----------------------------------------------------------------------------------------------------------------

Status sort(const Launch& launch, SortEntry* entries, SortEntry* spare, int32_t* counts, int64_t n, int bits,
            const SortEntry** sorted) {
  using namespace sort_kernels;
  const dim3 tiles(blocks_for(n, kSortTile)), threads(kThreads);
  for (int shift = 0; shift < bits; shift += kDigitBits) {
    Status status = start(launch, "sort: count", count_digits, tiles, threads, kDigits * sizeof(int),
                          static_cast<const SortEntry*>(entries), counts, static_cast<int>(n), shift);
    if (!status.ok()) return status;
    status =
        start(launch, "sort: sum", sum_counts, dim3(kDigits / kWarps), threads, 0, counts, static_cast<int>(tiles.x));
    if (!status.ok()) return status;
    status = start(launch, "sort: move", move_entries, tiles, threads, kWarps * (1 + kDigits) * sizeof(int),
                   static_cast<const SortEntry*>(entries), spare, counts, static_cast<int>(n), shift);
    if (!status.ok()) return status;
    SortEntry* const moved = spare;
    spare = entries;
    entries = moved;
  }
  *sorted = entries;
  return Status::success();
}

}  // namespace pt::cuda
