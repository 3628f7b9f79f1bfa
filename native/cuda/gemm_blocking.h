// How our own kernels cut a product: which tile of C a block computes, and into how many parts the sum over `inner` is
// cut. Shared by the launcher and by the op's definition, which turns it into workspace bytes. A function of the shape
// alone, so that a product has the same bits on every device.
#pragma once
#include <algorithm>

#include "cuda/gemm_shape.h"

namespace pt::cuda {

constexpr int kGemmInner = 32;
constexpr int kGemmStages = 4;  // in flight; 96 KiB for the large tile, so that it fits the 99 KiB of sm_86, 89 and 120

/// A block computes kRows × kColumns of C, each of its warps kWarpRows × kWarpColumns, kGemmInner of the sum at a time.
template <int Rows, int Columns, int WarpRows, int WarpColumns, int BlocksAMultiprocessor>
struct GemmTile {
  static constexpr int kRows = Rows, kColumns = Columns, kWarpRows = WarpRows, kWarpColumns = WarpColumns;
  static constexpr int kThreads = Rows / WarpRows * (Columns / WarpColumns) * 32;
  static constexpr int kBlocksAMultiprocessor = BlocksAMultiprocessor;
  static constexpr size_t kSharedBytes = size_t{kGemmStages} * (Rows + Columns) * kGemmInner * 2;
};

// 64 × 64 a warp: 4 KiB of operands from shared memory feed 32 mma, half of what shared memory can deliver meanwhile.
using LargeGemmTile = GemmTile<128, 256, 64, 64, 1>;
using SmallGemmTile = GemmTile<64, 64, 32, 32, 4>;

struct GemmBlocking {
  enum class Kernel { thin, small, large };

  // With so few rows (tokens being generated) the product only reads B: it has a kernel of its own.
  static constexpr int64_t kThinRows = 16;
  static constexpr int64_t kThinColumns = 16;  // of C, by one block

  Kernel kernel;
  int64_t parts;       // of the sum
  int64_t inner_part;  // length of a part but the last: a multiple of kGemmInner

  explicit GemmBlocking(const GemmShape& shape) {
    if (shape.M <= kThinRows && !shape.trans_a && shape.trans_b && aligned(shape)) {
      kernel = Kernel::thin, parts = 1, inner_part = shape.inner;
      return;
    }
    double least = 0;
    for (const bool large : {false, true}) {
      if (large && !aligned(shape)) continue;  // the large tile has no loader for such rows
      for (int64_t wanted = 1; wanted <= kMostParts; wanted *= 2) {
        if (wanted > 1 && tiles(shape, large) * wanted > (large ? kProcessors : 4 * kProcessors)) break;
        const int64_t part = blocks(blocks(shape.inner, wanted), kGemmInner) * kGemmInner;
        const int64_t count = blocks(shape.inner, part);
        const double time = estimate(shape, large, count, part);
        if (least != 0 && time >= least) continue;
        least = time, kernel = large ? Kernel::large : Kernel::small, parts = count, inner_part = part;
      }
    }
  }

  /// Rows that start at multiples of 16 bytes: what asynchronous copies need.
  static bool aligned(const GemmShape& shape) { return shape.row_of_a() % 8 == 0 && shape.row_of_b() % 8 == 0; }

  /// Floats of one part's sums, in the workspace.
  static int64_t partial_floats(const GemmShape& shape) { return blocks(shape.M * shape.N, 4) * 4; }

  size_t workspace_bytes(const GemmShape& shape) const {
    return parts == 1 ? 0 : static_cast<size_t>(parts * partial_floats(shape)) * sizeof(float);
  }

  static int64_t blocks(int64_t items, int64_t a_block) { return (items + a_block - 1) / a_block; }

 private:
  static constexpr int64_t kProcessors = 128;  // of an imagined device: A100 has 108, H200 132, RTX 4090 128
  static constexpr int64_t kMostParts = 32;

  static int64_t tiles(const GemmShape& shape, bool large) {
    return large ? blocks(shape.M, LargeGemmTile::kRows) * blocks(shape.N, LargeGemmTile::kColumns)
                 : blocks(shape.M, SmallGemmTile::kRows) * blocks(shape.N, SmallGemmTile::kColumns);
  }

  /// In units of the time that a multiprocessor's tensor cores take for 64 × 64 × kGemmInner, about 50 ns. A model, not
  /// a measurement: the small tile keeps them busy two thirds of the time, and a third when it is alone on its
  /// multiprocessor; filling the pipeline and storing C are worth 6 steps; a second kernel 2 µs and its traffic.
  static double estimate(const GemmShape& shape, bool large, int64_t parts, int64_t part) {
    const auto rounds = static_cast<double>(blocks(tiles(shape, large) * parts, kProcessors));
    const double steps = static_cast<double>(blocks(part, kGemmInner)) + 6;
    const double sums = large ? 8 * rounds * steps : std::max(3.0, 1.5 * rounds) * steps;
    const double outputs = static_cast<double>(shape.M) * static_cast<double>(shape.N) / (64 * 64);
    return parts == 1 ? sums : sums + 40 + 0.2 * static_cast<double>(parts) * outputs;
  }
};

}  // namespace pt::cuda
