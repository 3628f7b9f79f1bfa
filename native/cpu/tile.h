// The register tile: the one inner loop behind every matrix product on the CPU (gemm and all of attention).
//
//   c[i][j] (= | +=) Σ_k a(i, k) · b[k][j]      i < Rows, j < Vectors · kLanes
//
// a is read one number at a time (broadcast) through two free strides, so a transposed left operand is only another
// pair of strides; b is read in whole vectors. The sum over k runs in index order in one accumulator for each
// element: its bits depend on neither the tile's height nor on where in a matrix the tile lies.
#pragma once
#include "cpu/simd.h"

namespace pt::cpu {

// Height of the gemm tile: Rows · 2 accumulators, 2 vectors of b and a broadcast must fit the register file, and a
// tall tile needs the fewest loads a multiply-add (16 for 28, 8 for 12). With operands in the first-level cache both
// x86 tiles run at the peak of a register-only loop (Zen 4: 117 of 117 GFLOP/s, AVX-512 and AVX2 alike).
#if defined(__AVX512F__)
constexpr int kTileRows = 14;  // 28 + 2 + 1 of 32 registers
#elif defined(__aarch64__)
constexpr int kTileRows = 12;  // 24 + 2 + 3 of 32; not measured
#else
constexpr int kTileRows = 6;  // 12 + 2 + 1 of 16
#endif
constexpr int kTileVectors = 2;
constexpr int kTileColumns = kTileVectors * simd::kLanes;

/// A stride known when the kernel is compiled: addresses then need one register instead of one a row.
template <int64_t N>
struct Fixed {
  constexpr operator int64_t() const { return N; }
};

template <int Rows, int Vectors, class RowStride, class InnerStride>
inline __attribute__((always_inline)) void tile(int64_t inner, const float* __restrict a, RowStride row_stride,
                                                InnerStride inner_stride, const float* __restrict b, int64_t ldb,
                                                float* __restrict c, int64_t ldc, bool accumulate) {
  using namespace simd;
  F sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) sum[i][j] = F{};
  for (int64_t k = 0; k < inner; k++) {
    F right[Vectors];
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) right[j] = load(b + k * ldb + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i++) {
      const F left = set(a[i * int64_t{row_stride} + k * int64_t{inner_stride}]);
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; j++) sum[i][j] += left * right[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) {
      float* out = c + i * ldc + j * kLanes;
      store(out, accumulate ? load(out) + sum[i][j] : sum[i][j]);
    }
}

// Height of a full strip in attention. Its blocks are 64 rows: with 32 registers 8 rows leave no remainder and are as
// fast as 12 or 14; with 16 registers 6 rows (10 strips and one of 4) are 3 % faster than 4, and 8 would spill.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kStripRows = 8;
#else
constexpr int kStripRows = 6;
#endif

namespace detail {
template <int Rows, class RowStride, class InnerStride>
void strip_of(int64_t columns, int64_t inner, const float* a, RowStride row_stride, InnerStride inner_stride,
              const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  int64_t j = 0;
  for (; j + kTileColumns <= columns; j += kTileColumns)
    tile<Rows, kTileVectors>(inner, a, row_stride, inner_stride, b + j, ldb, c + j, ldc, accumulate);
  if (j < columns) tile<Rows, 1>(inner, a, row_stride, inner_stride, b + j, ldb, c + j, ldc, accumulate);
}
}  // namespace detail

/// rows ≤ kStripRows, columns a multiple of kLanes: the tiles of one strip, side by side.
template <class RowStride, class InnerStride>
void strip(int64_t rows, int64_t columns, int64_t inner, const float* a, RowStride row_stride, InnerStride inner_stride,
           const float* b, int64_t ldb, float* c, int64_t ldc, bool accumulate) {
  const auto next = [&](int64_t done) {
    a += done * int64_t{row_stride};
    c += done * ldc;
  };
  if (rows == kStripRows)
    return detail::strip_of<kStripRows>(columns, inner, a, row_stride, inner_stride, b, ldb, c, ldc, accumulate);
  if (rows & 4) {
    detail::strip_of<4>(columns, inner, a, row_stride, inner_stride, b, ldb, c, ldc, accumulate);
    next(4);
  }
  if (rows & 2) {
    detail::strip_of<2>(columns, inner, a, row_stride, inner_stride, b, ldb, c, ldc, accumulate);
    next(2);
  }
  if (rows & 1) detail::strip_of<1>(columns, inner, a, row_stride, inner_stride, b, ldb, c, ldc, accumulate);
}

}  // namespace pt::cpu
