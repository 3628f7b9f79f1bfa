import { toFloat16 } from '../../checkpoint/dtype.js'
import { ConfigError } from '../../errors.js'
import { encodeWeights } from '../weight-types.js'

/** What weights can be stored as. */
export type GgufType = 'f32' | 'f16' | 'bf16' | 'q8_0'

export const ggufTypes: readonly GgufType[] = ['f32', 'f16', 'bf16', 'q8_0']

/** Elements of a Q8_0 block; it never reaches over the end of a row. */
export const blockElements = 32
const blockBytes = 2 + blockElements

/** Number of each type in ggml's enum of tensor types. */
export const ggmlTypes: Readonly<Record<GgufType, number>> = { f32: 0, f16: 1, q8_0: 8, bf16: 30 }

export function encodedBytes(type: GgufType, elements: number): number {
  if (type === 'q8_0') return (elements / blockElements) * blockBytes
  return elements * (type === 'f32' ? 4 : 2)
}

/**
 * Whole blocks of a tensor's elements as ggml stores them.
 * @throws {ConfigError} naming `tensor` for a value that the type cannot hold
 */
export function encode(type: GgufType, values: Float32Array, tensor: string): Uint8Array {
  if (type !== 'q8_0') return encodeWeights(type, tensor, values)
  const bad = values.findIndex((value) => !(Math.abs(value) < q8Limit))
  if (bad < 0) return encodeQ8(values)
  throw new ConfigError(
    `${tensor} holds ${values[bad]}, and q8_0 ends below ±${q8Limit}. Export as bf16 or f32.`,
    { path: 'type' },
  )
}

/** 127 times the value from which on a half, the scale, rounds to infinity. */
const q8Limit = 127 * 65520

/**
 * Q8_0: blocks of 32 elements, a scale d = max |x| / 127 as a half, then round(x / d) as signed bytes, ties away from
 * zero. Step by step in fp32 as in ggml's quantize_row_q8_0_ref, so that the bytes are the same.
 */
function encodeQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / blockElements
  const out = Buffer.alloc(blocks * blockBytes)
  const scales = new Float32Array(blocks)
  for (let b = 0; b < blocks; b++) {
    const first = b * blockElements
    let largest = 0
    for (let i = 0; i < blockElements; i++) largest = Math.max(largest, Math.abs(values[first + i]!))
    scales[b] = largest / 127
    const inverse = scales[b] === 0 ? 0 : Math.fround(1 / scales[b]!)
    for (let i = 0; i < blockElements; i++) {
      const scaled = Math.fround(values[first + i]! * inverse)
      out.writeInt8(Math.sign(scaled) * Math.round(Math.abs(scaled)), b * blockBytes + 2 + i)
    }
  }
  toFloat16(scales).forEach((scale, b) => out.writeUInt16LE(scale, b * blockBytes))
  return out
}
