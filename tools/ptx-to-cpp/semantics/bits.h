// Shifts, fields of bits, counts of bits.
#pragma once
#include "values.h"

namespace ptx {

/// Shifts of the width of T or more leave 0, or the sign of a signed T.
template <class T>
PTX_INLINE T shl(T a, uint32_t by) {
  return by >= static_cast<uint32_t>(kBits<T>) ? T{0} : static_cast<T>(static_cast<uint64_t>(a) << by);
}
template <class T>
PTX_INLINE T shr(T a, uint32_t by) {
  if (by >= static_cast<uint32_t>(kBits<T>)) return a < 0 ? static_cast<T>(-1) : T{0};
  return static_cast<T>(a >> by);
}

/// The high word of high:low shifted left; `by` is at most 32.
PTX_INLINE uint32_t funnel_left(uint32_t low, uint32_t high, uint32_t by) {
  return static_cast<uint32_t>(((static_cast<uint64_t>(high) << 32 | low) << by) >> 32);
}
/// The low word of high:low shifted right; `by` is at most 32.
PTX_INLINE uint32_t funnel_right(uint32_t low, uint32_t high, uint32_t by) {
  return static_cast<uint32_t>((static_cast<uint64_t>(high) << 32 | low) >> by);
}

template <class T>
PTX_INLINE T low_ones(uint32_t count) {
  return static_cast<T>(~shl(static_cast<T>(~T{0}), count));
}
/// `length` bits of `a` from bit `from` on; the rest of the result is the sign of the field, if T has one. Both numbers
/// count modulo 256, and a field may reach beyond `a`.
template <class T>
PTX_INLINE T bit_field(T a, uint32_t from, uint32_t length) {
  using U = Unsigned<T>;
  constexpr uint32_t kWidth = kBits<T>;
  from &= 0xff, length &= 0xff;
  const uint32_t there = from >= kWidth ? 0 : length < kWidth - from ? length : kWidth - from;
  const uint32_t sign_at = from + length - 1 < kWidth ? from + length - 1 : kWidth - 1;
  const bool negative = std::is_signed_v<T> && length > 0 && (static_cast<U>(a) >> sign_at & 1) != 0;
  const U mask = low_ones<U>(there);
  return static_cast<T>((shr(static_cast<U>(a), from) & mask) | (negative ? static_cast<U>(~mask) : U{0}));
}
/// `b` with its `length` bits from bit `from` on replaced by the low bits of `a`.
template <class T>
PTX_INLINE T bit_insert(T a, T b, uint32_t from, uint32_t length) {
  const T mask = shl(low_ones<T>(length & 0xff), from & 0xff);
  return static_cast<T>((b & ~mask) | (shl(a, from & 0xff) & mask));
}

/// Any function of three bits: bit i of `table` is its value at (a, b, c) = the bits of i.
PTX_INLINE uint32_t lop3(uint32_t a, uint32_t b, uint32_t c, uint32_t table) {
  uint32_t result = 0;
  for (uint32_t i = 0; i < 8; i++)
    if (table >> i & 1) result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
  return result;
}
/// Four bytes picked from b:a; bit 3 of a selector repeats the sign of its byte.
PTX_INLINE uint32_t byte_permute(uint32_t a, uint32_t b, uint32_t selectors) {
  const uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
  uint32_t result = 0;
  for (int i = 0; i < 4; i++) {
    const uint32_t selector = selectors >> 4 * i & 0xf;
    const auto byte = static_cast<uint8_t>(bytes >> 8 * (selector & 7));
    const uint8_t picked = selector & 8 ? (byte & 0x80 ? 0xff : 0) : byte;
    result |= static_cast<uint32_t>(picked) << 8 * i;
  }
  return result;
}

PTX_INLINE uint32_t count_ones(uint64_t a) { return static_cast<uint32_t>(__builtin_popcountll(a)); }
/// Of the highest one bit: the bits of T when there is none.
template <class T>
PTX_INLINE uint32_t leading_zeros(T a) {
  return a == 0 ? kBits<T> : static_cast<uint32_t>(__builtin_clzll(a)) - (64 - kBits<T>);
}
template <class T>
PTX_INLINE T reverse_bits(T a) {
  T result = 0;
  for (int i = 0; i < kBits<T>; i++) result = static_cast<T>(result << 1 | (a >> i & 1));
  return result;
}
/// Position of the highest bit that differs from the sign; all ones when there is none.
template <class T>
PTX_INLINE uint32_t find_highest(T a) {
  const auto value = static_cast<Unsigned<T>>(a < 0 ? ~a : a);
  return value == 0 ? 0xffffffffu : kBits<T> - 1 - leading_zeros(value);
}
/// The shift that brings that bit to the top.
template <class T>
PTX_INLINE uint32_t find_highest_shift(T a) {
  const uint32_t at = find_highest(a);
  return at == 0xffffffffu ? at : kBits<T> - 1 - at;
}

}  // namespace ptx
