// What the attention kernels are made of: tiles of rows in shared memory, and the two products of a tile.
//
// Rows of a warp come in bands of 16, the height of one mma. A warp's block of results [16·bands, n] is spread over
// its lanes as x[band][n / 8][4]: with g = lane / 4 and t = lane % 4, element i of tile j is row 16·band + g + 8·(i /
// 2), column 8·j + 2·t + i % 2 (see mma_16x8x16).
#pragma once
#include "cuda/bf16.cuh"
#include "cuda/ptx.cuh"

namespace pt::cuda {

/// Rows of D bf16 in shared memory. A row is D / 8 chunks of 16 bytes. ldmatrix reads one chunk of 8 consecutive rows
/// at a time, which must lie in 8 different groups of banks: so within each aligned run of kSpread chunks (as many rows
/// as begin at the same bank group) a row's chunks are exchanged by an exclusive or with a number that differs between
/// those rows. The pattern repeats every 8 rows.
template <int D>
struct SharedRows {
  static_assert(D % 16 == 0, "a step of an mma is 16 deep");
  static constexpr int kChunks = D / 8;
  static constexpr int kRowBytes = 2 * D;
  static constexpr int kSpread = kChunks % 8 == 0 ? 8 : kChunks % 4 == 0 ? 4 : 2;

  PT_DEVICE static uint32_t flip(uint32_t row) { return row / (8 / kSpread) % kSpread; }
  PT_DEVICE static uint32_t offset(uint32_t row, uint32_t chunk) {
    return row * kRowBytes + ((chunk ^ flip(row)) << 4);
  }
};

/// The row and chunk that this lane points ldmatrix at, relative to those of an instruction.
template <int D>
class LaneRow {
 public:
  PT_DEVICE LaneRow(uint32_t row, uint32_t chunk) : offset_(SharedRows<D>::offset(row, chunk)) {}

  /// `tile` on a border of 128 bytes, `row0` a multiple of 8, `chunk0` even. A run of kSpread chunks lies on a border
  /// of its own size, so moving within it is an exclusive or; all the rest is known when the kernel is compiled.
  PT_DEVICE uint32_t at(uint32_t tile, int row0, int chunk0) const {
    const uint32_t within = chunk0 % SharedRows<D>::kSpread;
    return ((tile + offset_) ^ (within << 4)) + (row0 * SharedRows<D>::kRowBytes + (chunk0 - within) * 16);
  }

 private:
  uint32_t offset_;
};

/// ldmatrix of a 16 × 16 square whose rows are rows of the tile: an A operand, or (transposed) two B operands whose
/// inner dimension runs down the tile.
template <int D>
PT_DEVICE LaneRow<D> lane_of_square() {
  return {static_cast<uint32_t>(lane_id()) % 16, static_cast<uint32_t>(lane_id()) / 16};
}
/// ldmatrix of two B operands whose columns are rows of the tile: rows 0 … 7 and 8 … 15, 16 deep.
template <int D>
PT_DEVICE LaneRow<D> lane_of_columns() {
  const uint32_t lane = lane_id();
  return {lane % 8 + lane / 16 * 8, lane / 8 % 2};
}

/// Starts copying kRows rows, `stride` elements apart, by all of the block's kThreads; zeros from row `valid` on.
/// A thread's rows are a multiple of 8 apart and its chunks of a multiple of kSpread: one address each for all copies.
template <int D, int kRows, int kThreads>
PT_DEVICE void load_rows(uint32_t tile, const bf16* from, int stride, int valid) {
  using Rows = SharedRows<D>;
  constexpr int kStep = kThreads / Rows::kSpread;
  const int row = static_cast<int>(threadIdx.x) / Rows::kSpread, chunk = static_cast<int>(threadIdx.x) % Rows::kSpread;
  from += row * stride + chunk * 8;
  tile += Rows::offset(row, chunk);
#pragma unroll
  for (int down = 0; down < kRows; down += kStep)
    if (down + kStep <= kRows || row < kRows - down)
#pragma unroll
      for (int across = 0; across < Rows::kChunks; across += Rows::kSpread)
        cp_async_16(tile + down * Rows::kRowBytes + across * 16, from + (down * stride + across * 8),
                    row < valid - down);
}

/// x += A · Bᵀ: `a` this warp's first row of a tile, `b` a tile of kColumns rows, D deep.
template <int D, int kBands, int kTiles>
PT_DEVICE void add_rows_by_rows(float (&x)[kBands][kTiles][4], uint32_t a, uint32_t b) {
  const LaneRow<D> square = lane_of_square<D>(), columns = lane_of_columns<D>();
#pragma unroll
  for (int k = 0; k < D / 16; k++) {
    uint32_t left[kBands][4];
#pragma unroll
    for (int band = 0; band < kBands; band++) ldmatrix_x4(left[band], square.at(a, 16 * band, 2 * k));
#pragma unroll
    for (int j = 0; j < kTiles; j += 2) {
      uint32_t right[4];
      ldmatrix_x4(right, columns.at(b, 8 * j, 2 * k));
#pragma unroll
      for (int band = 0; band < kBands; band++) {
        mma_16x8x16(x[band][j], left[band], right[0], right[1]);
        mma_16x8x16(x[band][j + 1], left[band], right[2], right[3]);
      }
    }
  }
}

/// x += P · B: `p` in registers, rounded to bf16; `b` a tile of 8 · kInner rows. What the mma gives as a result has
/// just the shape that it takes as an A operand, so P never goes through shared memory.
template <int D, int kBands, int kInner>
PT_DEVICE void add_registers_by_rows(float (&x)[kBands][D / 8][4], const float (&p)[kBands][kInner][4], uint32_t b) {
  const LaneRow<D> square = lane_of_square<D>();
#pragma unroll
  for (int k = 0; k < kInner; k += 2) {
    uint32_t left[kBands][4];
#pragma unroll
    for (int band = 0; band < kBands; band++)
#pragma unroll
      for (int q = 0; q < 4; q++)
        left[band][q] = pack_bf16(p[band][k + q / 2][q % 2 * 2], p[band][k + q / 2][q % 2 * 2 + 1]);
#pragma unroll
    for (int j = 0; j < D / 8; j += 2) {
      uint32_t right[4];
      ldmatrix_x4_trans(right, square.at(b, 8 * k, j));
#pragma unroll
      for (int band = 0; band < kBands; band++) {
        mma_16x8x16(x[band][j], left[band], right[0], right[1]);
        mma_16x8x16(x[band][j + 1], left[band], right[2], right[3]);
      }
    }
  }
}

/// Writes this warp's results as bf16 rows, `stride` elements apart, by way of `rows`, its own part of a tile that it
/// has read for the last time: whole 16-byte chunks go out, neighbours to neighbours. Only the first `valid` rows.
template <int D, int kBands>
PT_DEVICE void store_rows(bf16* to, int stride, int valid, const float (&x)[kBands][D / 8][4], unsigned char* rows) {
  using Rows = SharedRows<D>;
  const int lane = lane_id(), g = lane / 4, t = lane % 4;
  sync_warp();
#pragma unroll
  for (int band = 0; band < kBands; band++)
#pragma unroll
    for (int j = 0; j < D / 8; j++)
#pragma unroll
      for (int half = 0; half < 2; half++)
        *reinterpret_cast<uint32_t*>(rows + Rows::offset(16 * band + 8 * half + g, j) + 4 * t) =
            pack_bf16(x[band][j][2 * half], x[band][j][2 * half + 1]);
  sync_warp();
#pragma unroll
  for (int first = 0; first < 16 * kBands * Rows::kChunks; first += 32) {
    const int row = (first + lane) / Rows::kChunks, chunk = (first + lane) % Rows::kChunks;
    if (row < valid)
      *reinterpret_cast<uint4*>(to + static_cast<int64_t>(row * stride) + chunk * 8) =
          *reinterpret_cast<const uint4*>(rows + Rows::offset(row, chunk));
  }
}

/// Over the four lanes that share a row of results.
PT_DEVICE float quad_max(float x) {
  x = fmaxf(x, shuffle_xor(x, 1));
  return fmaxf(x, shuffle_xor(x, 2));
}
PT_DEVICE float quad_sum(float x) {
  x += shuffle_xor(x, 1);
  return x + shuffle_xor(x, 2);
}

/// The tile and head of a block. Heads take turns, `at_once` of them at a time, and within a turn the tiles of rank 0
/// of all its heads come first: launchers give rank 0 to the longest tile, so that the device drains evenly.
struct Assignment {
  int rank, head;

  PT_DEVICE Assignment(int block, int heads, int tiles, int at_once) {
    const int turn = block / (at_once * tiles), first = turn * at_once;
    const int heads_now = heads - first < at_once ? heads - first : at_once, within = block - first * tiles;
    rank = within / heads_now;
    head = first + within % heads_now;
  }
};

}  // namespace pt::cuda
