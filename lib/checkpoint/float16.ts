/** IEEE half precision, rounded to nearest, ties to even. From 65,520 on it is infinity; a NaN stays a NaN. */
export function toFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const out = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) out[i] = narrow(bits[i]!)
  return out
}

/** The bits of a float32 to those of a half. */
function narrow(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) return sign | roundOff(magnitude - (112 << 23), 13)
  // Below the smallest normal half: whole units of 2^−24, the fraction with its hidden bit shifted to them.
  const shift = 126 - (magnitude >>> 23)
  return shift > 24 ? sign : sign | roundOff((magnitude & 0x7fffff) | 0x800000, shift)
}

/** value / 2^shift, ties to even. */
function roundOff(value: number, shift: number): number {
  return (value + (1 << (shift - 1)) - 1 + ((value >>> shift) & 1)) >>> shift
}
