// gemm's operands as the register tile wants them: panels of Width rows of A or Width columns of B, contiguous along
// the sum. Numbers past the end of a matrix are zero in the last panel.
#pragma once
#include <algorithm>
#include <cstring>

#include "cpu/tile.h"
#include "cpu/transpose.h"

namespace pt::cpu {

/// A row-major matrix, read as it lies or transposed.
struct Operand {
  const float* data;
  int64_t ld;
  bool transposed;
};

/// `count` neighbours in each of `lines` lines, to panels [lines][Width] that begin `panel` floats apart.
/// A few lines of every panel at a time: panel by panel would read each line again for every panel, line by line would
/// write to many panels whose addresses fall into the same cache sets. The lines lie too far apart for the hardware to
/// fetch ahead.
template <int Width>
inline void pack_lines(const float* from, int64_t ld, int64_t count, int64_t lines, float* to, int64_t panel) {
  constexpr int64_t kLinesAtOnce = 8;
  for (int64_t first = 0; first < lines; first += kLinesAtOnce)
    for (int64_t i = 0; i < count; i += Width)
      for (int64_t line = first; line < std::min(lines, first + kLinesAtOnce); line++) {
        const float* source = from + line * ld + i;
        float* target = to + i / Width * panel + line * Width;
        __builtin_prefetch(source + kLinesAtOnce * ld);
        __builtin_prefetch(source + kLinesAtOnce * ld + Width - 1);
        if (i + Width <= count) {
          std::memcpy(target, source, Width * sizeof(float));
        } else {
          for (int64_t j = 0; j < Width; j++) target[j] = i + j < count ? source[j] : 0.0f;
        }
      }
}

/// Rows row … row + rows − 1 of op(A), inner k0 …, to panels of kTileRows rows, `stride` floats a row. A panel keeps
/// the direction in which the matrix is contiguous: [kTileRows][stride], or [inner][kTileRows] when it is transposed.
inline void pack_left(const Operand& a, int64_t row, int64_t rows, int64_t k0, int64_t inner, int64_t stride,
                      float* to) {
  if (a.transposed) {
    pack_lines<kTileRows>(a.data + k0 * a.ld + row, a.ld, rows, inner, to, kTileRows * stride);
    return;
  }
  const size_t bytes = static_cast<size_t>(inner) * sizeof(float);
  const int64_t padded = (rows + kTileRows - 1) / kTileRows * kTileRows;
  for (int64_t i = 0; i < rows; i++) std::memcpy(to + i * stride, a.data + (row + i) * a.ld + k0, bytes);
  for (int64_t i = rows; i < padded; i++) std::memset(to + i * stride, 0, bytes);
}

/// Columns column … column + columns − 1 of op(B), inner k0 …, to panels [inner][kTileColumns].
inline void pack_right(const Operand& b, int64_t column, int64_t columns, int64_t k0, int64_t inner, float* to) {
  if (!b.transposed) {
    pack_lines<kTileColumns>(b.data + k0 * b.ld + column, b.ld, columns, inner, to, inner * kTileColumns);
    return;
  }
  for (int64_t j = 0; j < columns; j += kTileColumns, to += inner * kTileColumns)
    for (int v = 0; v < kTileVectors; v++) {
      const int64_t first = j + v * simd::kLanes, left = std::clamp<int64_t>(columns - first, 0, simd::kLanes);
      transpose_rows(b.data + (column + first) * b.ld + k0, b.ld, left, inner, to + v * simd::kLanes, kTileColumns);
    }
}

}  // namespace pt::cpu
