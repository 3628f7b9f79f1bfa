#include "ops/gemm.h"

#include <utility>

#include "cpu/gemm_blocking.h"
#include "cpu/gemm_pack.h"
#include "cpu/gemm_thin.h"
#include "cpu/kernels.h"

namespace pt::cpu {
using Blocking = GemmBlocking;

/// Height × Vectors · kLanes of C from packed panels.
using MultiplyPanels = void (*)(int64_t inner, const float* a, const float* b, float* c, int64_t ldc, bool accumulate);

template <bool TransposedLeft, int Height, int Vectors>
static void multiply_panels(int64_t inner, const float* a, const float* b, float* c, int64_t ldc, bool accumulate) {
  if constexpr (TransposedLeft)
    tile<Height, Vectors>(inner, a, Fixed<1>{}, Fixed<kTileRows>{}, b, kTileColumns, c, ldc, accumulate);
  else
    tile<Height, Vectors>(inner, a, Fixed<Blocking::kInner>{}, Fixed<1>{}, b, kTileColumns, c, ldc, accumulate);
}

/// A kernel for each height up to the full tile's: the last rows of a matrix cost what they are, not a whole tile.
template <bool TransposedLeft, int Vectors, int... Below>
static MultiplyPanels panels_of_height(int64_t height, std::integer_sequence<int, Below...>) {
  static constexpr MultiplyPanels kOfHeight[] = {multiply_panels<TransposedLeft, Below + 1, Vectors>...};
  return kOfHeight[height - 1];
}

template <bool TransposedLeft>
static MultiplyPanels panels_of(int64_t height, int64_t columns) {
  static_assert(kTileVectors == 2, "one kernel for a whole panel, one for half of it");
  constexpr std::make_integer_sequence<int, kTileRows> heights{};
  return columns > simd::kLanes ? panels_of_height<TransposedLeft, 2>(height, heights)
                                : panels_of_height<TransposedLeft, 1>(height, heights);
}

/// rows × columns of C from one packed block of A and the packed panels of B, `panel` floats apart.
template <bool TransposedLeft>
static void multiply_block(int64_t rows, int64_t columns, int64_t inner, const float* a, const float* b, int64_t panel,
                           float* c, int64_t ldc, bool accumulate) {
  for (int64_t j = 0; j < columns; j += kTileColumns, b += panel)
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const float* left = a + i * Blocking::kInner;
      float* out = c + i * ldc + j;
      const int64_t height = std::min<int64_t>(kTileRows, rows - i), n = std::min<int64_t>(kTileColumns, columns - j);
      const MultiplyPanels multiply = panels_of<TransposedLeft>(height, n);
      if (n % simd::kLanes == 0) {
        // C is touched only after the whole sum: have its lines here by then.
        for (int64_t r = 0; r < height; r++)
          for (int64_t line = 0; line < n; line += 16) __builtin_prefetch(out + r * ldc + line, 1);
        multiply(inner, left, b, out, ldc, accumulate);
        continue;
      }
      float whole[kTileRows * kTileColumns];
      multiply(inner, left, b, whole, kTileColumns, false);
      for (int64_t r = 0; r < height; r++)
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
      parallel_blocks(launch.workers, width, Blocking::kPackedColumns, [&](int64_t begin, int64_t end, int) {
        pack_right(b, n0 + begin, end - begin, k0, depth, right + begin / kTileColumns * panel);
      });

      const int64_t task_rows = Blocking::rows_of_task(M, width, kTileRows);
      const int64_t row_blocks = (M + task_rows - 1) / task_rows;
      parallel_for(launch.workers, row_blocks * Blocking::blocks(width), [&](int64_t task, int worker) {
        const int64_t row = task % row_blocks * task_rows, column = task / row_blocks * Blocking::kColumns;
        const int64_t rows = std::min(task_rows, M - row), columns = std::min(Blocking::kColumns, width - column);
        float* packed = left + static_cast<int64_t>(blocking.left_floats()) * worker;
        for (int64_t k = 0; k < depth; k += Blocking::kInner) {
          const int64_t inner = std::min(Blocking::kInner, depth - k);
          pack_left(a, row, rows, k0 + k, inner, Blocking::kInner, packed);
          multiply(rows, columns, inner, packed, right + column / kTileColumns * panel + k * kTileColumns, panel,
                   c + row * N + n0 + column, N, accumulate || k0 + k > 0);
        }
      });
    }
  return Status::success();
}

}  // namespace pt::cpu
