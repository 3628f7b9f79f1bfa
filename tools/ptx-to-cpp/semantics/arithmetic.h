// Arithmetic on integers and floats. Integers wrap around; no case is undefined.
#pragma once
#include <cfenv>
#include <cmath>

#include "values.h"

namespace ptx {

template <class T>
PTX_INLINE T add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
PTX_INLINE T sub(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a - b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
/// The low half of the product of integers.
template <class T>
PTX_INLINE T mul(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

__extension__ typedef __int128 Signed128;
__extension__ typedef unsigned __int128 Unsigned128;
/// Wide enough for every product, sum and quotient of two T.
template <class T>
using Wider = std::conditional_t<sizeof(T) <= 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                                 std::conditional_t<std::is_signed_v<T>, Signed128, Unsigned128>>;

template <class T>
PTX_INLINE T mul_hi(T a, T b) {
  return static_cast<T>((static_cast<Wider<T>>(a) * static_cast<Wider<T>>(b)) >> kBits<T>);
}
/// The whole product, of twice the width.
template <class Wide, class T>
PTX_INLINE Wide mul_wide(T a, T b) {
  return static_cast<Wide>(static_cast<Wider<T>>(a) * static_cast<Wider<T>>(b));
}

/// Division by zero is left open by PTX; the hardware gives all ones, and the dividend as the remainder.
template <class T>
PTX_INLINE T div(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a / b;
  else
    return b == 0 ? static_cast<T>(~T{0}) : static_cast<T>(static_cast<Wider<T>>(a) / static_cast<Wider<T>>(b));
}
template <class T>
PTX_INLINE T rem(T a, T b) {
  if (b == 0) return a;
  return static_cast<T>(static_cast<Wider<T>>(a) % static_cast<Wider<T>>(b));
}

template <class T>
PTX_INLINE T neg(T a) {
  if constexpr (std::is_floating_point_v<T>)
    return -a;
  else
    return static_cast<T>(0 - static_cast<uint64_t>(a));
}
template <class T>
PTX_INLINE T abs(T a) {
  if constexpr (std::is_floating_point_v<T>)
    return std::fabs(a);
  else
    return a < 0 ? neg(a) : a;
}
/// The sign of `sign`, the rest of `value`.
template <class T>
PTX_INLINE T copysign(T sign, T value) {
  return std::copysign(value, sign);
}
/// |a − b| + c
template <class T>
PTX_INLINE T sad(T a, T b, T c) {
  return add(c, a < b ? sub(b, a) : sub(a, b));
}

template <class T>
PTX_INLINE T quiet_nan() {
  if constexpr (sizeof(T) == 4)
    return same_bits<T>(uint32_t{0x7fffffff});
  else
    return same_bits<T>(uint64_t{0x7fffffffffffffff});
}
/// A NaN loses to a number; +0 is greater than −0.
template <class T>
PTX_INLINE T max(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return std::isnan(b) ? quiet_nan<T>() : b;
    if (std::isnan(b)) return a;
    if (a == b) return std::signbit(a) ? b : a;
  }
  return a > b ? a : b;
}
template <class T>
PTX_INLINE T min(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a)) return std::isnan(b) ? quiet_nan<T>() : b;
    if (std::isnan(b)) return a;
    if (a == b) return std::signbit(a) ? a : b;
  }
  return a < b ? a : b;
}
template <class T>
PTX_INLINE T max_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? quiet_nan<T>() : max(a, b);
}
template <class T>
PTX_INLINE T min_nan(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? quiet_nan<T>() : min(a, b);
}

template <class T>
PTX_INLINE T fma(T a, T b, T c) {
  return std::fma(a, b, c);
}
template <class T>
PTX_INLINE T sqrt(T a) {
  return std::sqrt(a);
}
template <class T>
PTX_INLINE T rcp(T a) {
  return T{1} / a;
}

template <class T>
PTX_INLINE T rsqrt(T a) {
  return T{1} / std::sqrt(a);
}
// The hardware's approximations of these are a few units in the last place off; here they are exact.
PTX_INLINE float exp2(float a) { return std::exp2(a); }
PTX_INLINE float log2(float a) { return std::log2(a); }
PTX_INLINE float sin(float a) { return std::sin(a); }
PTX_INLINE float cos(float a) { return std::cos(a); }
PTX_INLINE float tanh(float a) { return std::tanh(a); }
/// A double whose lower word is zero.
PTX_INLINE double top_word(double value) { return same_bits<double>(same_bits<uint64_t>(value) & 0xffffffff00000000); }

/// Into [0, 1]; a NaN becomes 0.
template <class T>
PTX_INLINE T saturate(T a) {
  return a > T{0} ? (a < T{1} ? a : T{1}) : T{0};
}
/// Numbers too small for a full mantissa become zeros of their sign.
PTX_INLINE float flush(float a) {
  return std::fabs(a) < std::numeric_limits<float>::min() ? std::copysign(0.0f, a) : a;
}

// ---- other rounding than to nearest -------------------------------------------------------------------------------

/// A value whose origin the compiler cannot see, so that no arithmetic moves past a change of the rounding mode.
template <class T>
PTX_INLINE T opaque(T value) {
  volatile T hidden = value;
  return hidden;
}
template <class T, class Operation, class... Operands>
T rounded(int mode, Operation operation, Operands... operands) {
  const int before = std::fegetround();
  std::fesetround(mode);
  const T result = opaque<T>(operation(opaque(operands)...));
  std::fesetround(before);
  return result;
}

// ---- numbers of several words: the carry is a flag beside the registers ---------------------------------------------

template <class T>
PTX_INLINE T add_carry(T a, T b, bool carry_in, bool& carry_out) {
  const auto sum =
      static_cast<Wider<Unsigned<T>>>(static_cast<Unsigned<T>>(a)) + static_cast<Unsigned<T>>(b) + carry_in;
  carry_out = (sum >> kBits<T>) != 0;
  return static_cast<T>(sum);
}
template <class T>
PTX_INLINE T sub_borrow(T a, T b, bool borrow_in, bool& borrow_out) {
  const auto take = static_cast<Wider<Unsigned<T>>>(static_cast<Unsigned<T>>(b)) + borrow_in;
  borrow_out = static_cast<Unsigned<T>>(a) < take;
  return static_cast<T>(static_cast<Unsigned<T>>(a) - take);
}

}  // namespace ptx
