// One block's tile of C: operands stream through a ring of panels in shared memory, sums stay in registers.
#pragma once
#include "cuda/bf16.cuh"
#include "cuda/gemm_panel.cuh"

namespace pt::cuda {

/// A product, as its kernels get it.
struct GemmArguments {
  const bf16* a;  // [M, inner], or [inner, M] with trans_a
  const bf16* b;  // [inner, N], or [N, inner] with trans_b
  void* c;        // [M, N] f32 or bf16; of a sum in parts: the first of the partial sums, f32
  int M, N, inner;
  int inner_part;            // blockIdx.y = p takes the sum from p · inner_part on
  int64_t partial_elements;  // from one part's sums to the next
  bool c_is_f32, accumulate;
};

/// Which tile a block takes: in bands of kBand rows of tiles, column by column, so that the blocks that run at the same
/// time share rows of both operands in the second-level cache.
template <class Tile>
PT_DEVICE void place_of_block(const GemmArguments& product, int& row, int& column) {
  constexpr int kBand = 16;
  const int tile_rows = (product.M + Tile::kRows - 1) / Tile::kRows;
  const int tile_columns = (product.N + Tile::kColumns - 1) / Tile::kColumns;
  const int block = static_cast<int>(blockIdx.x), in_a_band = kBand * tile_columns;
  const int first = block / in_a_band * kBand;
  const int band = tile_rows - first < kBand ? tile_rows - first : kBand;
  row = (first + block % in_a_band % band) * Tile::kRows;
  column = block % in_a_band / band * Tile::kColumns;
}

/// A warp's part of the tile, in registers.
template <class Tile>
struct GemmSums {
  static constexpr int kTileRows = Tile::kWarpRows / 16, kTileColumns = Tile::kWarpColumns / 8;

  float tiles[kTileRows][kTileColumns][4];  // as mma_16x8x16 leaves them

  PT_DEVICE void clear() {
#pragma unroll
    for (int i = 0; i < kTileRows; i++)
#pragma unroll
      for (int j = 0; j < kTileColumns; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) tiles[i][j][e] = 0;
  }
};

/// What a warp multiplies at once: kWarpRows × 16 of A by 16 × kWarpColumns of B.
template <class Tile, class PanelA, class PanelB>
struct GemmFragments {
  uint32_t a[Tile::kWarpRows / 16][4];
  uint32_t b[Tile::kWarpColumns / 16][4];

  PT_DEVICE void load(uint32_t stage, int warp_row, int warp_column, int inner) {
#pragma unroll
    for (int i = 0; i < Tile::kWarpRows / 16; i++) PanelA::load_left(a[i], stage, warp_row + i * 16, inner);
#pragma unroll
    for (int j = 0; j < Tile::kWarpColumns / 16; j++)
      PanelB::load_right(b[j], stage + PanelA::kBytes, warp_column + j * 16, inner);
  }

  PT_DEVICE void multiply(GemmSums<Tile>& sums) const {
#pragma unroll
    for (int i = 0; i < Tile::kWarpRows / 16; i++)
#pragma unroll
      for (int j = 0; j < Tile::kWarpColumns / 16; j++) {
        mma_16x8x16(sums.tiles[i][2 * j], a[i], b[j][0], b[j][1]);
        mma_16x8x16(sums.tiles[i][2 * j + 1], a[i], b[j][2], b[j][3]);
      }
  }
};

/// sums = this warp's part of the tile at (row, column), over the part of the sum that is the block's.
template <class Tile, bool kTransA, bool kTransB, bool kAligned>
PT_DEVICE void sum_tile(GemmSums<Tile>& sums, const GemmArguments& product, int row, int column, int warp_row,
                        int warp_column, unsigned char* shared) {
  using PanelA = GemmPanel<Tile::kRows, !kTransA>;
  using PanelB = GemmPanel<Tile::kColumns, kTransB>;
  constexpr int kStageBytes = PanelA::kBytes + PanelB::kBytes;
  static_assert(kGemmInner == 32, "the two halves of a step are written out");

  const int begin = static_cast<int>(blockIdx.y) * product.inner_part;
  const int end = product.inner - begin < product.inner_part ? product.inner : begin + product.inner_part;
  const int steps = (end - begin + kGemmInner - 1) / kGemmInner;
  GemmLoader<PanelA, !kTransA, Tile::kThreads, kAligned> load_a(product.a, row, product.M, begin, end,
                                                                kTransA ? product.M : product.inner);
  GemmLoader<PanelB, kTransB, Tile::kThreads, kAligned> load_b(product.b, column, product.N, begin, end,
                                                               kTransB ? product.inner : product.N);
  const uint32_t ring = shared_address(shared);
  const auto copy_next = [&](int stage) {
    load_a.copy_next(shared + stage * kStageBytes, ring + stage * kStageBytes);
    load_b.copy_next(shared + stage * kStageBytes + PanelA::kBytes, ring + stage * kStageBytes + PanelA::kBytes);
  };
  const auto next = [](int stage) { return stage == kGemmStages - 1 ? 0 : stage + 1; };

  sums.clear();
#pragma unroll
  for (int stage = 0; stage < kGemmStages - 1; stage++) {
    copy_next(stage);
    cp_async_commit();
  }
  cp_async_wait<kGemmStages - 2>();
  sync_block();

  // While the tensor cores multiply one half of a step, the other half's fragments are on their way to registers. The
  // copies run on past the end, where they bring zeros from nowhere: a loop without branches is worth three such
  // stages.
  GemmFragments<Tile, PanelA, PanelB> first, second;
  first.load(ring, warp_row, warp_column, 0);
  int reading = 0, writing = kGemmStages - 1;
  for (int step = 0; step < steps; step++) {
    second.load(ring + reading * kStageBytes, warp_row, warp_column, 16);
    copy_next(writing);  // where all warps had read to the end before the last barrier
    cp_async_commit();
    first.multiply(sums);

    reading = next(reading), writing = next(writing);
    cp_async_wait<kGemmStages - 2>();
    sync_block();
    first.load(ring + reading * kStageBytes, warp_row, warp_column, 0);
    second.multiply(sums);
  }
  cp_async_wait<0>();
}

PT_DEVICE void load4(float (&x)[4], const bf16* p) {
  const uint2 v = *reinterpret_cast<const uint2*>(p);
  x[0] = low_half(v.x), x[1] = high_half(v.x), x[2] = low_half(v.y), x[3] = high_half(v.y);
}
PT_DEVICE void store4(bf16* p, const float (&x)[4]) {
  uint2 v;
  v.x = pack_bf16(x[0], x[1]), v.y = pack_bf16(x[2], x[3]);
  *reinterpret_cast<uint2*>(p) = v;
}

/// c[0 … 3] = (or +=) x, at p
template <class Element>
PT_DEVICE void put4(Element* p, float (&x)[4], bool accumulate) {
  if (accumulate) {
    float before[4];
    load4(before, p);
#pragma unroll
    for (int e = 0; e < 4; e++) x[e] += before[e];
  }
  store4(p, x);
}

template <class Element>
PT_DEVICE void put(Element* p, float x, bool accumulate) {
  store(p, accumulate ? load(p) + x : x);
}

/// Stores a warp's sums at (row, column) of C, 16 rows at a time by way of shared memory: in registers a lane holds two
/// neighbours of each row, in memory whole rows are to be written at once.
template <class Tile, class Element>
PT_DEVICE void store_sums(const GemmSums<Tile>& sums, Element* c, const GemmArguments& product, int row, int column,
                          float* strip) {
  constexpr int kColumns = Tile::kWarpColumns, kLanes = kColumns / 4, kRowsAtOnce = 32 / kLanes;
  constexpr int kStride = kColumns + 8;  // 8 rows × 4 lanes of float2 then meet no bank twice
  const int lane = lane_id(), my_row = lane / kLanes, my_lane = lane % kLanes;
  const bool vectors = product.N % 4 == 0;  // then every fourth element is aligned for four

#pragma unroll
  for (int i = 0; i < GemmSums<Tile>::kTileRows; i++) {
    sync_warp();
#pragma unroll
    for (int j = 0; j < GemmSums<Tile>::kTileColumns; j++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float2 pair;
        pair.x = sums.tiles[i][j][2 * half], pair.y = sums.tiles[i][j][2 * half + 1];
        *reinterpret_cast<float2*>(strip + (lane / 4 + 8 * half) * kStride + j * 8 + lane % 4 * 2) = pair;
      }
    sync_warp();

#pragma unroll 2
    for (int r = 0; r < 16; r += kRowsAtOnce) {
      const int to_row = row + i * 16 + r + my_row;
      if (to_row >= product.M) continue;
      const float* from = strip + (r + my_row) * kStride;
      Element* to = c + static_cast<int64_t>(to_row) * product.N + column;
      if (vectors) {
        float x[4];
        load4(x, from + my_lane * 4);
        if (column + my_lane * 4 < product.N) put4(to + my_lane * 4, x, product.accumulate);
      } else {
#pragma unroll 1
        for (int e = my_lane; e < kColumns; e += kLanes)
          if (column + e < product.N) put(to + e, from[e], product.accumulate);
      }
    }
  }
}

template <class Tile, bool kTransA, bool kTransB, bool kAligned>
PT_DEVICE void multiply_tile(const GemmArguments& product, unsigned char* shared) {
  constexpr int kWarpsAcross = Tile::kColumns / Tile::kWarpColumns;
  const int warp_row = warp_id() / kWarpsAcross * Tile::kWarpRows;
  const int warp_column = warp_id() % kWarpsAcross * Tile::kWarpColumns;
  int row, column;
  place_of_block<Tile>(product, row, column);

  GemmSums<Tile> sums;
  sum_tile<Tile, kTransA, kTransB, kAligned>(sums, product, row, column, warp_row, warp_column, shared);

  constexpr int kStripFloats = 16 * (Tile::kWarpColumns + 8);
  static_assert(Tile::kThreads / 32 * kStripFloats * sizeof(float) <= Tile::kSharedBytes, "strips fit the ring");
  sync_block();  // all warps have read their last panel, and no copy is under way
  float* strip = reinterpret_cast<float*>(shared) + warp_id() * kStripFloats;
  const int64_t part = static_cast<int64_t>(blockIdx.y) * product.partial_elements;
  if (product.c_is_f32)
    store_sums(sums, static_cast<float*>(product.c) + part, product, row + warp_row, column + warp_column, strip);
  else
    store_sums(sums, static_cast<bf16*>(product.c), product, row + warp_row, column + warp_column, strip);
}

}  // namespace pt::cuda
