// One vector type for every instruction set, from the compiler's vector extensions. The width is fixed at compile
// time: this header is only included by kernels, which are compiled once per instruction-set level.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

namespace pt::simd {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else  // SSE2 and NEON
constexpr int kLanes = 4;
#endif

typedef float F __attribute__((vector_size(kLanes * 4)));
typedef int32_t I __attribute__((vector_size(kLanes * 4)));
typedef uint32_t U __attribute__((vector_size(kLanes * 4)));

inline F set(float x) { return x - F{}; }  // −F{} would flip the sign of zero; x − 0 keeps every x
inline F load(const float* p) {
  F v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, F v) { std::memcpy(p, &v, sizeof v); }
/// The first n < kLanes elements, the rest zero. Never touches memory past p[n − 1].
inline F load_first(const float* p, int64_t n) {
  F v = {};
  std::memcpy(&v, p, static_cast<size_t>(n) * 4);
  return v;
}
inline void store_first(float* p, F v, int64_t n) { std::memcpy(p, &v, static_cast<size_t>(n) * 4); }

inline F max(F a, F b) { return a > b ? a : b; }
inline F min(F a, F b) { return a < b ? a : b; }
inline F select(I mask, F yes, F no) { return mask ? yes : no; }

/// The first n lanes of v, `otherwise` in the rest.
inline F first_lanes(F v, int64_t n, float otherwise) {
  I lane;
  for (int i = 0; i < kLanes; i++) lane[i] = i;
  return select(lane < static_cast<int32_t>(n), v, set(otherwise));
}

namespace detail {
/// v with its lane i replaced by lane i ^ Half.
template <int Half, int... Lane>
inline F swap_halves(F v, std::integer_sequence<int, Lane...>) {
  return __builtin_shufflevector(v, v, (Lane ^ Half)...);
}
template <int Half, class Combine>
inline __attribute__((always_inline)) float reduce(F v, const Combine& combine) {
  if constexpr (Half > 0)
    return reduce<Half / 2>(combine(v, swap_halves<Half>(v, std::make_integer_sequence<int, kLanes>{})), combine);
  return v[0];
}
}  // namespace detail

/// Sum of the lanes in a fixed tree order, so that every host with this width agrees.
inline float sum(F v) {
  return detail::reduce<kLanes / 2>(v, [](F a, F b) { return a + b; });
}
inline float max_lane(F v) {
  return detail::reduce<kLanes / 2>(v, [](F a, F b) { return max(a, b); });
}

inline float dot(const float* a, const float* b, int64_t n) {
  F total = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) total += load(a + i) * load(b + i);
  if (i < n) total += load_first(a + i, n - i) * load_first(b + i, n - i);
  return sum(total);
}

/// exp(x) to about 1 ulp for x ≤ 88; below −87.3 it returns zero, NaN stays NaN.
/// Range reduction by ln 2 in two parts (Cody and Waite), then a degree-6 polynomial with the coefficients of
/// Cephes' expf (S. Moshier). libm's expf is scalar, seven times slower in these loops, and may differ between hosts.
inline F exp(F x) {
  const F lo = set(-87.3f), hi = set(88.7f);
  const F clamped = x < lo ? lo : (x > hi ? hi : x);  // NaN compares false twice and passes through
  const F magic = set(12582912.0f);                   // 1.5 · 2^23: adding it rounds to an integer in the low bits
  const F shifted = clamped * 1.44269504f + magic;
  const F n = shifted - magic;
  F r = clamped - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  F p = set(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  U bits;  // unsigned: a NaN's bits may overflow, and its scale does not matter
  std::memcpy(&bits, &shifted, sizeof bits);
  const U exponent = (bits + 127) << 23;  // the low bits of `shifted` hold n, the rest is shifted out
  F scale;
  std::memcpy(&scale, &exponent, sizeof scale);
  const F y = p * scale;
  return x < lo ? F{} : y;
}

/// 1 / (1 + e^−x)
inline F sigmoid(F x) { return 1.0f / (1.0f + exp(-x)); }

}  // namespace pt::simd
