// Products with few rows of A: y = x · Wᵀ for one token while generating. Every weight is used once or a few times
// only, so packing would cost more than the product; both operands are contiguous along the sum and are read in place.
#pragma once
#include "cpu/simd.h"

namespace pt::cpu {

constexpr int64_t kThinRows = 4;
constexpr int64_t kThinColumns = 64;  // of one task

/// c[i][j] (= | +=) a[i] · b[j] for Rows rows of length `inner` and `columns` columns; c has rows of length ldc.
template <int Rows>
void thin_product(const float* a, const float* b, int64_t inner, int64_t columns, float* c, int64_t ldc,
                  bool accumulate) {
  using namespace simd;
  for (int64_t j = 0; j < columns; j++, b += inner) {
    F total[Rows] = {};
    int64_t k = 0;
    for (; k + kLanes <= inner; k += kLanes) {
      const F right = load(b + k);
      for (int i = 0; i < Rows; i++) total[i] += load(a + i * inner + k) * right;
    }
    if (const int64_t rest = inner - k) {
      const F right = load_first(b + k, rest);
      for (int i = 0; i < Rows; i++) total[i] += load_first(a + i * inner + k, rest) * right;
    }
    for (int i = 0; i < Rows; i++) {
      float* out = c + i * ldc + j;
      *out = (accumulate ? *out : 0.0f) + sum(total[i]);
    }
  }
}

inline void thin_product(int64_t rows, const float* a, const float* b, int64_t inner, int64_t columns, float* c,
                         int64_t ldc, bool accumulate) {
  switch (rows) {
    case 1:
      return thin_product<1>(a, b, inner, columns, c, ldc, accumulate);
    case 2:
      return thin_product<2>(a, b, inner, columns, c, ldc, accumulate);
    case 3:
      return thin_product<3>(a, b, inner, columns, c, ldc, accumulate);
    case 4:
      return thin_product<4>(a, b, inner, columns, c, ldc, accumulate);
  }
}

}  // namespace pt::cpu
