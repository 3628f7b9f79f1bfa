// How gemm cuts a product into blocks. Shared by the kernel (compiled for each instruction set) and by the op's
// definition, which turns it into workspace bytes. All sizes are fixed: no result depends on the host's caches or
// cores.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pt::cpu {

struct GemmBlocking {
  // One task: kRows × kColumns of C, kInner of the sum at a time. Its packed block of A (168 × 512 floats, 336 KiB)
  // stays in the second-level cache while the panels of B stream past it. Measured on Zen 4, one thread, 36 products
  // of hidden 256 to 1024: kInner 256 loses up to 4 % (C passes through the cache twice as often), 84 rows or
  // 1024 columns change nothing beyond the noise.
  static constexpr int64_t kRows = 168;     // a multiple of every tile height: 14, 12, 6
  static constexpr int64_t kColumns = 512;  // a multiple of every tile width
  static constexpr int64_t kInner = 512;

  // A small C is cut into shorter blocks, down to 4 tiles, until it makes this many tasks, so that many cores finish
  // together: 15 unequal tasks cost two of them a tenth. One thread loses nothing. Cutting rows only, so that no block
  // of A is packed twice, gains 1 % where the sum is short and loses more where it is long.
  static constexpr int64_t kTasks = 64;
  static constexpr int64_t kLeastTiles = 4;

  // B is packed once for all tasks, a chunk at a time: at most kChunkInner deep and kChunkFloats (8 MiB) large, so that
  // it stays in the last-level cache.
  static constexpr int64_t kChunkInner = 2048;
  static constexpr int64_t kChunkFloats = 2 << 20;
  static constexpr int64_t kPackedColumns = 128;  // by one task; a multiple of every tile width

  int64_t chunk_inner, chunk_columns;

  GemmBlocking(int64_t columns, int64_t inner)
      : chunk_inner(std::min(inner, kChunkInner)),
        chunk_columns(std::min(blocks(columns), std::max<int64_t>(1, kChunkFloats / (chunk_inner * kColumns))) *
                      kColumns) {
    chunk_columns = std::min(chunk_columns, (columns + 63) / 64 * 64);
  }

  static int64_t blocks(int64_t columns) { return (columns + kColumns - 1) / kColumns; }

  /// Rows of C in one task, a multiple of the tile's height.
  static int64_t rows_of_task(int64_t rows, int64_t columns, int64_t tile_rows) {
    const int64_t tiles = (rows + tile_rows - 1) / tile_rows, largest = kRows / tile_rows;
    const int64_t blocks_wanted = (kTasks + blocks(columns) - 1) / blocks(columns);
    return std::clamp((tiles + blocks_wanted - 1) / blocks_wanted, kLeastTiles, largest) * tile_rows;
  }

  size_t left_floats() const { return static_cast<size_t>(kRows * kInner); }  // for each worker
  size_t right_floats() const { return static_cast<size_t>(chunk_inner * chunk_columns); }
};

}  // namespace pt::cpu
