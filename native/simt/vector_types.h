// CUDA's built-in vector types. Copying a vector checks its alignment: on the device a misaligned vector access is an
// error, while a CPU would not mind.
#pragma once
#include <cstddef>
#include <cstdint>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace simt {

[[noreturn]] void report_misaligned(const void* address, size_t bytes);

/// `address` when it is a multiple of the (power of two) size.
template <class T>
inline const T& aligned(const T& vector) {
  uintptr_t address = reinterpret_cast<uintptr_t>(&vector);
  asm("" : "+r"(address));  // or the compiler, which trusts alignas, folds the test away
  if ((address & (sizeof(T) - 1)) != 0) report_misaligned(&vector, sizeof(T));
  return vector;
}

}  // namespace simt

#define SIMT_VECTOR2(name, element)                                      \
  struct alignas(2 * sizeof(element)) name {                             \
    element x, y;                                                        \
    name() = default;                                                    \
    constexpr name(element x, element y) : x(x), y(y) {}                 \
    name(const name& from) : x(simt::aligned(from).x), y(from.y) {}      \
    name& operator=(const name& from) {                                  \
      const name v = from; /* all is read before the first is written */ \
      simt::aligned(*this), x = v.x, y = v.y;                            \
      return *this;                                                      \
    }                                                                    \
  };                                                                     \
  constexpr name make_##name(element x, element y) { return name(x, y); }

#define SIMT_VECTOR4(name, element)                                                        \
  struct alignas(4 * sizeof(element)) name {                                               \
    element x, y, z, w;                                                                    \
    name() = default;                                                                      \
    constexpr name(element x, element y, element z, element w) : x(x), y(y), z(z), w(w) {} \
    name(const name& from) : x(simt::aligned(from).x), y(from.y), z(from.z), w(from.w) {}  \
    name& operator=(const name& from) {                                                    \
      const name v = from;                                                                 \
      simt::aligned(*this), x = v.x, y = v.y, z = v.z, w = v.w;                            \
      return *this;                                                                        \
    }                                                                                      \
  };                                                                                       \
  constexpr name make_##name(element x, element y, element z, element w) { return name(x, y, z, w); }

SIMT_VECTOR2(int2, int)
SIMT_VECTOR2(uint2, unsigned)
SIMT_VECTOR2(float2, float)
SIMT_VECTOR2(double2, double)
SIMT_VECTOR4(int4, int)
SIMT_VECTOR4(uint4, unsigned)
SIMT_VECTOR4(float4, float)

#undef SIMT_VECTOR2
#undef SIMT_VECTOR4
