// bf16 in memory, float in registers: loads and stores of one value and of vectors of 16 bytes.
#pragma once
#include "cuda/ptx.cuh"

namespace pt::cuda {

PT_DEVICE float to_float(bf16 x) { return bits_to_float(static_cast<uint32_t>(x.bits) << 16); }
PT_DEVICE bf16 to_bf16(float x) { return {static_cast<uint16_t>(pack_bf16(x, 0.0f))}; }

PT_DEVICE float load(const float* p) { return *p; }
PT_DEVICE float load(const bf16* p) { return to_float(*p); }
PT_DEVICE void store(float* p, float x) { *p = x; }
PT_DEVICE void store(bf16* p, float x) { *p = to_bf16(x); }

PT_DEVICE float low_half(uint32_t pair) { return bits_to_float(pair << 16); }
PT_DEVICE float high_half(uint32_t pair) { return bits_to_float(pair & 0xffff0000u); }

/// Eight values in registers as they lie in memory.
PT_DEVICE void unpack8(float (&x)[8], const uint4& v) {
  x[0] = low_half(v.x), x[1] = high_half(v.x), x[2] = low_half(v.y), x[3] = high_half(v.y);
  x[4] = low_half(v.z), x[5] = high_half(v.z), x[6] = low_half(v.w), x[7] = high_half(v.w);
}
PT_DEVICE uint4 pack8(const float (&x)[8]) {
  uint4 v;
  v.x = pack_bf16(x[0], x[1]), v.y = pack_bf16(x[2], x[3]), v.z = pack_bf16(x[4], x[5]), v.w = pack_bf16(x[6], x[7]);
  return v;
}

/// Eight neighbours; p must be 16-byte aligned.
PT_DEVICE void load8(float (&x)[8], const bf16* p) { unpack8(x, *reinterpret_cast<const uint4*>(p)); }
PT_DEVICE void store8(bf16* p, const float (&x)[8]) { *reinterpret_cast<uint4*>(p) = pack8(x); }

/// Four or eight neighbours; p must be 16-byte aligned.
PT_DEVICE void load4(float (&x)[4], const float* p) {
  const float4 v = *reinterpret_cast<const float4*>(p);
  x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
}
PT_DEVICE void load8(float (&x)[8], const float* p) {
  const float4 v = *reinterpret_cast<const float4*>(p), w = *reinterpret_cast<const float4*>(p + 4);
  x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
  x[4] = w.x, x[5] = w.y, x[6] = w.z, x[7] = w.w;
}
PT_DEVICE void store4(float* p, const float (&x)[4]) {
  float4 v;
  v.x = x[0], v.y = x[1], v.z = x[2], v.w = x[3];
  *reinterpret_cast<float4*>(p) = v;
}
PT_DEVICE void store8(float* p, const float (&x)[8]) {
  float4 v, w;
  v.x = x[0], v.y = x[1], v.z = x[2], v.w = x[3];
  w.x = x[4], w.y = x[5], w.z = x[6], w.w = x[7];
  *reinterpret_cast<float4*>(p) = v;
  *reinterpret_cast<float4*>(p + 4) = w;
}

}  // namespace pt::cuda
