// Transposing while packing: reads rows, writes columns, kLanes × kLanes numbers at a time in registers.
#pragma once
#include <utility>

#include "cpu/simd.h"

namespace pt::cpu {

namespace detail {
template <int Half, int... Lane>
inline void butterfly(simd::F& x, simd::F& y, std::integer_sequence<int, Lane...>) {
  using namespace simd;
  // Lanes whose `Half` bit is set trade places between x and y.
  const F low = __builtin_shufflevector(x, y, ((Lane & Half) ? kLanes + Lane - Half : Lane)...);
  const F high = __builtin_shufflevector(x, y, ((Lane & Half) ? kLanes + Lane : Lane + Half)...);
  x = low;
  y = high;
}

template <int Half>
inline __attribute__((always_inline)) void transpose_halves(simd::F (&v)[simd::kLanes]) {
  if constexpr (Half > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < simd::kLanes; i++)
      if (!(i & Half)) butterfly<Half>(v[i], v[i + Half], std::make_integer_sequence<int, simd::kLanes>{});
    transpose_halves<Half / 2>(v);
  }
}
}  // namespace detail

/// v[i][j] ↔ v[j][i]
inline __attribute__((always_inline)) void transpose(simd::F (&v)[simd::kLanes]) {
  detail::transpose_halves<simd::kLanes / 2>(v);
}

/// to[k · to_stride + i] = from[i · ld + k] for i < rows ≤ kLanes, k < columns; zero for rows ≤ i < kLanes.
inline void transpose_rows(const float* from, int64_t ld, int64_t rows, int64_t columns, float* to, int64_t to_stride) {
  using namespace simd;
  F v[kLanes];
  int64_t k = 0;
  for (; k + kLanes <= columns; k += kLanes) {
    if (rows == kLanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; i++) v[i] = load(from + i * ld + k);
    } else {
      for (int i = 0; i < kLanes; i++) v[i] = i < rows ? load(from + i * ld + k) : F{};
    }
    transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; i++) store(to + (k + i) * to_stride, v[i]);
  }
  for (; k < columns; k++)
    for (int i = 0; i < kLanes; i++) to[k * to_stride + i] = i < rows ? from[i * ld + k] : 0.0f;
}

}  // namespace pt::cpu
