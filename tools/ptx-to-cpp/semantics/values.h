// What PTX instructions do to values, as C++ functions. Registers hold bits (uint16_t, uint32_t, uint64_t, bool);
// plain casts read them as the integers that an instruction names, `as` and `bits` as floats.
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#ifdef __FAST_MATH__
#error "translated PTX needs exact arithmetic: compile without -ffast-math"
#endif

// Inlined into the kernel, so that the place of a memory access is a line of the kernel.
#define PTX_INLINE [[gnu::always_inline]] inline

namespace ptx {

template <size_t kBytes>
struct UnsignedOf;
template <>
struct UnsignedOf<1> {
  using Type = uint8_t;
};
template <>
struct UnsignedOf<2> {
  using Type = uint16_t;
};
template <>
struct UnsignedOf<4> {
  using Type = uint32_t;
};
template <>
struct UnsignedOf<8> {
  using Type = uint64_t;
};
/// The unsigned type of the size of T.
template <class T>
using Unsigned = typename UnsignedOf<sizeof(T)>::Type;

template <class T>
constexpr int kBits = static_cast<int>(8 * sizeof(T));

template <class To, class From>
PTX_INLINE To same_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

/// The low bits of a register (or of an immediate) as a float.
template <class T, class Register>
PTX_INLINE T as(Register from) {
  return same_bits<T>(static_cast<Unsigned<T>>(from));
}

/// What a register holds once a float was written to it.
template <class Register, class T>
PTX_INLINE Register bits(T value) {
  return same_bits<Unsigned<T>>(value);
}

}  // namespace ptx
