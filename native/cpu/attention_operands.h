// Attention's operands as the register tile wants them: contiguous, padded to whole vectors. Rows of qkv lie a power
// of two or so apart, which would crowd them into few sets of the first-level cache.
#pragma once
#include <algorithm>

#include "cpu/attention_blocking.h"
#include "cpu/tile.h"
#include "cpu/transpose.h"

namespace pt::cpu {

/// Where one query head of one sequence, and its key and value head, lie in qkv or dqkv; and in y, dy and lse.
struct HeadOffsets {
  int64_t q, k, v;  // rows are AttentionShape::width() apart
  int64_t y;        // rows are H · D apart
  int64_t lse;      // T numbers

  /// pair: (sequence, key/value head); h: query head within its group.
  HeadOffsets(const AttentionShape& s, int64_t pair, int64_t h) {
    const int64_t b = pair / s.G, g = pair % s.G, head = g * s.group() + h, row = b * s.T * s.width();
    q = row + head * s.D;
    k = row + (s.H + g) * s.D;
    v = row + (s.H + s.G + g) * s.D;
    y = (b * s.T * s.H + head) * s.D;
    lse = (b * s.H + head) * s.T;
  }
};

/// rows × D, `ld` apart, to [rows][padded], times `factor`; the padding is zero.
inline void pack_rows(const float* from, int64_t ld, int64_t rows, int64_t D, int64_t padded, float factor, float* to) {
  for (int64_t i = 0; i < rows; i++, from += ld, to += padded) {
    for (int64_t d = 0; d < D; d++) to[d] = factor * from[d];
    for (int64_t d = D; d < padded; d++) to[d] = 0.0f;
  }
}

/// [rows][padded], times `factor`, to rows × D, `ld` apart.
inline void unpack_rows(const float* from, int64_t rows, int64_t D, int64_t padded, float factor, float* to,
                        int64_t ld) {
  for (int64_t i = 0; i < rows; i++, from += padded, to += ld)
    for (int64_t d = 0; d < D; d++) to[d] = factor * from[d];
}

/// rows × D, `ld` apart, to transposed panels [D][kTileColumns], one for kTileColumns rows; missing rows are zero.
inline void pack_transposed(const float* from, int64_t ld, int64_t rows, int64_t D, float* to) {
  for (int64_t row = 0; row < rows; row += kTileColumns, to += D * kTileColumns)
    for (int v = 0; v < kTileVectors; v++) {
      const int64_t first = row + v * simd::kLanes, left = std::clamp<int64_t>(rows - first, 0, simd::kLanes);
      transpose_rows(from + first * ld, ld, left, D, to + v * simd::kLanes, kTileColumns);
    }
}

/// Products of a strip of packed rows (queries, or dy) with the first n rows of transposed panels (keys, or values).
/// Whole vectors are written: up to kLanes − 1 columns past n.
inline void multiply_transposed(int64_t rows, int64_t n, int64_t D, const float* a, int64_t padded, const float* panels,
                                float* products, int64_t ld) {
  for (int64_t j = 0; j < n; j += kTileColumns) {
    const int64_t columns = n - j <= simd::kLanes ? simd::kLanes : kTileColumns;
    strip(rows, columns, D, a, padded, Fixed<1>{}, panels + j * D, kTileColumns, products + j, ld, false);
  }
}

}  // namespace pt::cpu
