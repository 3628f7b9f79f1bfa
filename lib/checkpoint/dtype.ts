/** Bytes of one element, for the safetensors types whose elements are whole bytes. */
export const dtypeBytes = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const

export type Dtype = keyof typeof dtypeBytes

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(dtypeBytes, name)
}

/** Types that widen to float32 without loss. */
export type FloatDtype = 'F32' | 'BF16' | 'F16'

export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16'
}

/** Exact widening. `bytes` must start at a multiple of the element size; F32 is returned as a view, not a copy. */
export function toFloat32(dtype: FloatDtype, bytes: Uint8Array): Float32Array {
  const count = bytes.byteLength / dtypeBytes[dtype]
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, count)
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count)
  const bits = new Uint32Array(count)
  if (dtype === 'BF16') for (let i = 0; i < count; i++) bits[i] = halves[i]! << 16
  else for (let i = 0; i < count; i++) bits[i] = widenHalf(halves[i]!)
  return new Float32Array(bits.buffer)
}

/** Rounds to nearest, ties to even; a NaN stays a NaN (rounding its payload could carry it into infinity). */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) {
    const b = bits[i]!
    const nan = (b & 0x7fffffff) > 0x7f800000
    out[i] = nan ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16
  }
  return out
}

/** Rounds to nearest, ties to even; what lies beyond ±65504 by half a step or more becomes infinite. A NaN stays one. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) out[i] = narrowToHalf(bits[i]!)
  return out
}

/** The bits of a float32 to the nearest IEEE half. */
function narrowToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00 // 65520, half way between the largest half and what would follow
  if (magnitude < 0x33000000) return sign // below 2^-25, half of the smallest half
  const exponent = magnitude >>> 23
  // Below 2^-14 halves are 2^-24 apart, whatever the exponent.
  const dropped = exponent < 113 ? 126 - exponent : 13
  const fraction = exponent < 113 ? (magnitude & 0x7fffff) | 0x800000 : magnitude - (112 << 23)
  const below = fraction & (2 ** dropped - 1)
  const half = fraction >>> dropped
  const middle = 2 ** (dropped - 1)
  // A carry out of the fraction is the next exponent, and out of the subnormals the first normal half.
  return sign | (half + (below > middle || (below === middle && (half & 1) === 1) ? 1 : 0))
}

/** IEEE half to the bits of the same float32. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  // A subnormal half is a normal float: move its highest bit to where the hidden bit belongs.
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}
