// The CPU computes in fp32; bf16 is what it writes for others to read.
#pragma once
#include <cstdint>
#include <cstring>

namespace pt::cpu {

/// To nearest, ties to even; infinities stay, NaN stays NaN.
inline uint16_t to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16 & 1))) >> 16;
  const uint32_t quiet_nan = bits >> 16 | 0x40;  // rounding could carry a NaN into infinity or zero
  return static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? quiet_nan : rounded);
}

}  // namespace pt::cpu
