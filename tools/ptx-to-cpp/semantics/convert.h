// Conversions between number types.
#pragma once
#include "arithmetic.h"

namespace ptx {

/// Integers outside To become its nearest bound.
template <class To, class From>
PTX_INLINE To clamp_integer(From from) {
  const auto value = static_cast<Signed128>(from);
  const auto least = static_cast<Signed128>(std::numeric_limits<To>::min());
  const auto most = static_cast<Signed128>(std::numeric_limits<To>::max());
  return static_cast<To>(value < least ? least : value > most ? most : value);
}

/// A float that has been rounded to a whole number → an integer. What does not fit becomes the nearest bound; a NaN
/// becomes 0, or the highest bit alone where 64 bits are involved.
template <class To, class From>
PTX_INLINE To to_integer(From whole) {
  using Limits = std::numeric_limits<To>;
  if (std::isnan(whole))
    return sizeof(To) == 8 || sizeof(From) == 8 ? static_cast<To>(Unsigned<To>{1} << (kBits<To> - 1)) : To{0};
  if (whole < static_cast<From>(Limits::min())) return Limits::min();
  if (whole >= std::ldexp(From{1}, Limits::digits)) return Limits::max();
  return static_cast<To>(whole);
}

/// Round to nearest, ties to even; NaN becomes 0x7fff.
PTX_INLINE uint16_t to_bf16(float value) {
  const auto u = same_bits<uint32_t>(value);
  if (std::isnan(value)) return 0x7fff;
  return static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
PTX_INLINE uint32_t to_bf16x2(float high, float low) {
  return static_cast<uint32_t>(to_bf16(high)) << 16 | to_bf16(low);
}
PTX_INLINE float from_bf16(uint16_t value) { return same_bits<float>(static_cast<uint32_t>(value) << 16); }

}  // namespace ptx
