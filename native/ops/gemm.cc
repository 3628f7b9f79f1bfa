#include "ops/gemm.h"

#include <cstring>

#include "cpu/gemm_blocking.h"
#include "cpu/gemm_thin.h"
#include "cpu/kernels.h"
#include "cpu/tile.h"
#include "cpu/transpose.h"

namespace pt::cpu {
using Blocking = GemmBlocking;

/// A window of a row-major matrix, possibly read transposed.
struct Operand {
  const float* data;
  int64_t ld;
  bool transposed;
};

constexpr int64_t kLinesAtOnce = 8;

/// Packs rows row … row + rows − 1, inner …, of op(A) into panels of kTileRows rows. A panel keeps the direction in
/// which the operand is contiguous, so packing is plain copying: [kTileRows][kInner], or [inner][kTileRows] when
/// transposed. Rows past the end are zero.
static void pack_left(const Operand& a, int64_t row, int64_t rows, int64_t k0, int64_t inner, float* out) {
  const int64_t padded = (rows + kTileRows - 1) / kTileRows * kTileRows;
  if (!a.transposed) {
    for (int64_t i = 0; i < padded; i++) {
      float* to = out + i * Blocking::kInner;
      if (i < rows)
        std::memcpy(to, a.data + (row + i) * a.ld + k0, static_cast<size_t>(inner) * sizeof(float));
      else
        std::memset(to, 0, static_cast<size_t>(inner) * sizeof(float));
    }
    return;
  }
  // A few lines of every panel at a time: panel by panel would read each row of A again for every panel, row by row
  // would write to many panels whose addresses fall into the same cache sets. Lines of A lie too far apart for the
  // hardware to fetch ahead.
  for (int64_t k = 0; k < inner; k += kLinesAtOnce)
    for (int64_t i = 0; i < rows; i += kTileRows)
      for (int64_t line = k; line < std::min(inner, k + kLinesAtOnce); line++) {
        const float* from = a.data + (k0 + line) * a.ld + row + i;
        float* to = out + i * Blocking::kInner + line * kTileRows;
        __builtin_prefetch(from + kLinesAtOnce * a.ld);
        __builtin_prefetch(from + kLinesAtOnce * a.ld + kTileRows - 1);
        if (i + kTileRows <= rows) {
          std::memcpy(to, from, kTileRows * sizeof(float));
        } else {
          for (int64_t j = 0; j < kTileRows; j++) to[j] = i + j < rows ? from[j] : 0.0f;
        }
      }
}

/// Packs kTileColumns columns from `column`, inner k0 …, of op(B) into one panel [inner][kTileColumns]. Columns past
/// the end are zero.
static void pack_right(const Operand& b, int64_t column, int64_t columns, int64_t k0, int64_t inner, float* out) {
  if (b.transposed) {
    for (int v = 0; v < kTileVectors; v++) {
      const int64_t first = v * simd::kLanes, left = std::clamp<int64_t>(columns - first, 0, simd::kLanes);
      transpose_rows(b.data + (column + first) * b.ld + k0, b.ld, left, inner, out + first, kTileColumns);
    }
    return;
  }
  for (int64_t k = 0; k < inner; k++) {
    const float* from = b.data + (k0 + k) * b.ld + column;
    float* to = out + k * kTileColumns;
    if (columns == kTileColumns) {
      std::memcpy(to, from, kTileColumns * sizeof(float));
    } else {
      for (int64_t j = 0; j < kTileColumns; j++) to[j] = j < columns ? from[j] : 0.0f;
    }
  }
}

/// One tile of C from packed panels.
template <bool TransposedLeft>
static void multiply_panels(int64_t inner, const float* a, const float* b, float* c, int64_t ldc, bool accumulate) {
  if constexpr (TransposedLeft)
    tile<kTileRows, kTileVectors>(inner, a, Fixed<1>{}, Fixed<kTileRows>{}, b, kTileColumns, c, ldc, accumulate);
  else
    tile<kTileRows, kTileVectors>(inner, a, Fixed<Blocking::kInner>{}, Fixed<1>{}, b, kTileColumns, c, ldc, accumulate);
}

/// rows × columns of C from one packed block of A and the packed panels of B, `panel` floats apart.
template <bool TransposedLeft>
static void multiply_block(int64_t rows, int64_t columns, int64_t inner, const float* a, const float* b, int64_t panel,
                           float* c, int64_t ldc, bool accumulate) {
  for (int64_t j = 0; j < columns; j += kTileColumns, b += panel)
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const float* left = a + i * Blocking::kInner;
      float* out = c + i * ldc + j;
      const int64_t m = std::min<int64_t>(kTileRows, rows - i), n = std::min<int64_t>(kTileColumns, columns - j);
      if (m == kTileRows && n == kTileColumns) {
        // C is touched only after the whole sum: have its lines here by then.
        for (int r = 0; r < kTileRows; r++)
          for (int64_t line = 0; line < kTileColumns; line += 16) __builtin_prefetch(out + r * ldc + line, 1);
        multiply_panels<TransposedLeft>(inner, left, b, out, ldc, accumulate);
        continue;
      }
      float whole[kTileRows * kTileColumns];
      multiply_panels<TransposedLeft>(inner, left, b, whole, kTileColumns, false);
      for (int64_t r = 0; r < m; r++)
        for (int64_t s = 0; s < n; s++)
          out[r * ldc + s] = (accumulate ? out[r * ldc + s] : 0.0f) + whole[r * kTileColumns + s];
    }
}

Status gemm(const Command& cmd, const Launch& launch) {
  namespace op = pt::gemm;
  const Operand a{cmd.f32(op::a), cmd.dim(op::a, 1), cmd.flag(op::trans_a)};
  const Operand b{cmd.f32(op::b), cmd.dim(op::b, 1), cmd.flag(op::trans_b)};
  float* c = cmd.f32(op::c);
  const int64_t M = cmd.dim(op::c, 0), N = cmd.dim(op::c, 1), K = cmd.dim(op::a, a.transposed ? 0 : 1);
  const bool accumulate = cmd.flag(op::accumulate);

  if (M <= kThinRows && !a.transposed && b.transposed) {
    parallel_blocks(launch.workers, N, kThinColumns, [=](int64_t begin, int64_t end, int) {
      thin_product(M, a.data, b.data + begin * K, K, end - begin, c + begin, N, accumulate);
    });
    return Status::success();
  }

  const Blocking blocking(N, K);
  float* right = static_cast<float*>(launch.workspace);
  float* left = right + blocking.right_floats();
  const auto multiply = a.transposed ? multiply_block<true> : multiply_block<false>;

  for (int64_t k0 = 0; k0 < K; k0 += blocking.chunk_inner)
    for (int64_t n0 = 0; n0 < N; n0 += blocking.chunk_columns) {
      const int64_t depth = std::min(blocking.chunk_inner, K - k0), width = std::min(blocking.chunk_columns, N - n0);
      const int64_t panel = depth * kTileColumns;
      parallel_blocks(launch.workers, width, kTileColumns, [&](int64_t begin, int64_t end, int) {
        pack_right(b, n0 + begin, end - begin, k0, depth, right + begin / kTileColumns * panel);
      });

      const int64_t row_blocks = (M + Blocking::kRows - 1) / Blocking::kRows;
      parallel_for(launch.workers, row_blocks * Blocking::blocks(width), [&](int64_t task, int worker) {
        const int64_t row = task % row_blocks * Blocking::kRows, column = task / row_blocks * Blocking::kColumns;
        const int64_t rows = std::min(Blocking::kRows, M - row), columns = std::min(Blocking::kColumns, width - column);
        float* packed = left + static_cast<int64_t>(blocking.left_floats()) * worker;
        for (int64_t k = 0; k < depth; k += Blocking::kInner) {
          const int64_t inner = std::min(Blocking::kInner, depth - k);
          pack_left(a, row, rows, k0 + k, inner, packed);
          multiply(rows, columns, inner, packed, right + column / kTileColumns * panel + k * kTileColumns, panel,
                   c + row * N + n0 + column, N, accumulate || k0 + k > 0);
        }
      });
    }
  return Status::success();
}

}  // namespace pt::cpu
