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
