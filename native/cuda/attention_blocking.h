// How attention is cut into blocks on CUDA: every tile choice in one place. Shared by the kernels and by the ops'
// definitions, which turn it into workspace bytes. All sizes are functions of shapes alone (and, for tiles, of the
// device's class), never of the number of processors: results depend on neither.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/op.h"

namespace pt::cuda {

/// The head dims that kernels exist for: those of the presets, and 32 for small models. All attention ops.
inline Status check_head_dim(int64_t D) {
  PT_CHECK(D == 32 || D == 64 || D == 80 || D == 96 || D == 128,
           "head_dim is %lld; the CUDA kernels exist for 32, 64, 80, 96 and 128 (or use device: 'cpu')", (long long)D);
  return Status::success();
}

// ---- tiles of the tensor-core kernels ---------------------------------------------------------------------------
//
// A block keeps `kept` rows and streams the rows it multiplies them with, `streamed` at a time, through two stages of
// shared memory. A warp owns kept / warps rows: 32 where the registers allow it, because every streamed fragment that
// a warp reads from shared memory then serves two products instead of one. `blocks`: a processor should hold as many.
// `streamed` is as large as shared memory and registers allow: the next size up spills on sm_80 or sm_90a.

struct Tile {
  int kept, streamed, warps, blocks;
};

/// Small: 99 KB of shared memory a block, 100 KB a processor (sm_86, sm_89, sm_120). Large: 163 KB and more (A100,
/// H100).
enum class SharedMemory { small, large };

constexpr SharedMemory shared_memory_class(size_t bytes_a_block) {
  return bytes_a_block >= 160 * 1024 ? SharedMemory::large : SharedMemory::small;
}

/// Keeps queries, streams keys and values.
constexpr Tile forward_tile(int D, SharedMemory memory) {
  if (D <= 64) return {128, 64, 4, 2};
  if (memory == SharedMemory::small) return {128, 64, 8, 1};
  return {128, D == 128 ? 32 : D == 96 ? 48 : 64, 4, 2};
}

/// Keeps keys and values with the sums dk and dv, streams queries and dy. Two rows of sums a kept row: 32 rows a warp
/// only fit for small heads.
constexpr Tile key_gradient_tile(int D) {
  if (D <= 64) return {128, 32, 4, 2};
  return {128, D == 128 ? 32 : 64, 8, 1};
}

/// Keeps queries and dy with the sums dq, streams keys and values.
constexpr Tile query_gradient_tile(int D, SharedMemory memory) {
  if (D <= 64) return {128, memory == SharedMemory::small ? 32 : 48, 4, 2};
  if (memory == SharedMemory::small) return {128, D == 128 ? 32 : 64, 8, 1};
  return D == 128 ? Tile{128, 64, 8, 1} : Tile{128, 32, 4, 2};
}

/// How many heads are at work at a time: so many that what their blocks stream over and over stays in the L2 cache
/// (40 MB on A100, 50 MB on H100), and not all at once. Only the order of the blocks depends on it, no result.
#ifdef PT_SIMT
constexpr int64_t kStreamedBytesAtOnce = 48 << 10;  // so that tests of a few heads take several turns
#else
constexpr int64_t kStreamedBytesAtOnce = 16 << 20;
#endif
inline int heads_at_once(int64_t heads, int64_t streamed_bytes_a_head) {
  return static_cast<int>(std::clamp<int64_t>(kStreamedBytesAtOnce / streamed_bytes_a_head, 1, heads));
}

// ---- workspaces -------------------------------------------------------------------------------------------------

/// Backward keeps lse and δ of every row side by side, in rows of T rounded up to this: whole tiles, aligned copies.
constexpr int64_t kRowStatsBlock = 128;
constexpr int64_t row_stats_stride(int64_t T) { return (T + kRowStatsBlock - 1) / kRowStatsBlock * kRowStatsBlock; }

/// Decoding cuts the P positions of a cache into splits that run at the same time: enough of them to fill a device with
/// few rows; fewer, longer ones when the rows themselves are many.
struct CacheSplits {
  static constexpr int64_t kGranule = 128;
  static constexpr int64_t kMost = 64;
  static constexpr int64_t kMostTimesRows = 256;
  int64_t positions;  // in a split
  int64_t count;

  CacheSplits(int64_t rows, int64_t P) {
    const int64_t most = std::clamp<int64_t>(kMostTimesRows / rows, 1, kMost);
    const int64_t granules = (P + kGranule - 1) / kGranule;
    positions = (granules + most - 1) / most * kGranule;
    count = (P + positions - 1) / positions;
  }
};

/// What a split leaves behind for a row and head: D sums, then their maximum and total.
constexpr int64_t partial_floats(int64_t D) { return D + 4; }  // 4, not 2: rows stay 16-byte aligned

}  // namespace pt::cuda
