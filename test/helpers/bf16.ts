// bf16 tensors of kernel tests: a Uint16Array holds the bits.
import { toBfloat16 } from '../../lib/checkpoint/dtype.js'

/** Rounded to nearest, ties to even. */
export function toBf16(values: ArrayLike<number>): Uint16Array {
  return toBfloat16(Float32Array.from(values))
}

export function fromBf16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer)
}

/** The values that a kernel sees when it is given `values` as bf16. */
export function rounded(values: ArrayLike<number>): Float32Array {
  return fromBf16(toBf16(values))
}

export function nanBf16(count: number): Uint16Array {
  return new Uint16Array(count).fill(0x7fff)
}
