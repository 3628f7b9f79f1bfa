// Attention's operands as the register tile wants them: contiguous, padded to whole vectors. Rows of qkv lie a power
// of two or so apart, which would crowd them into few sets of the first-level cache.
#pragma once
#include "cpu/tile.h"
#include "cpu/transpose.h"

namespace pt::cpu {

/// rows × D, `ld` apart, to [rows][padded], times `factor`; the padding is zero.
inline void pack_rows(const float* from, int64_t ld, int64_t rows, int64_t D, int64_t padded, float factor, float* to) {
  for (int64_t i = 0; i < rows; i++, from += ld, to += padded) {
    for (int64_t d = 0; d < D; d++) to[d] = factor * from[d];
    for (int64_t d = D; d < padded; d++) to[d] = 0.0f;
  }
}

/// rows × D, `ld` apart, to transposed panels [D][kTileColumns], one for kTileColumns rows; missing rows are zero.
inline void pack_transposed(const float* from, int64_t ld, int64_t rows, int64_t D, float* to) {
  for (int64_t row = 0; row < rows; row += kTileColumns, to += D * kTileColumns)
    for (int v = 0; v < kTileVectors; v++) {
      const int64_t first = row + v * simd::kLanes;
      const int64_t left = rows - first < 0 ? 0 : rows - first < simd::kLanes ? rows - first : simd::kLanes;
      transpose_rows(from + first * ld, ld, left, D, to + v * simd::kLanes, kTileColumns);
    }
}

/// [rows][padded] · factor to rows × D, `ld` apart.
inline void unpack_rows(const float* from, int64_t rows, int64_t D, int64_t padded, float factor, float* to,
                        int64_t ld) {
  for (int64_t i = 0; i < rows; i++, from += padded, to += ld)
    for (int64_t d = 0; d < D; d++) to[d] = factor * from[d];
}

}  // namespace pt::cpu
