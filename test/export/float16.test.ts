import { describe, expect, test } from 'vitest'
import { toFloat16, toFloat32 } from '../../lib/checkpoint/dtype.js'
import { bytesOf } from '../../lib/checkpoint/region.js'
import { ConfigError } from '../../lib/errors.js'
import { encodeWeights } from '../../lib/export/weight-types.js'

const widen = (halves: readonly number[]) => toFloat32('F16', bytesOf(Uint16Array.from(halves)))
const narrow = (...values: number[]) => [...toFloat16(Float32Array.from(values))]

/** The float32 next to a positive one. */
function neighbour(value: number, direction: 1 | -1): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)
  bits[0]! += direction
  return new Float32Array(bits.buffer)[0]!
}

const largest = 0x7bff
const finite = Array.from({ length: largest + 1 }, (_, half) => half)

describe('float32 to float16', () => {
  test('gives back every half, of either sign', () => {
    const halves = [...finite, 0x7c00].flatMap((half) => [half, half | 0x8000])
    expect(narrow(...widen(halves))).toEqual(halves)
  })

  test('takes the nearer of two halves, and the even one in the middle', () => {
    const values = widen(finite)
    // The middle of neighbouring halves is a float32: it needs one bit more, and there are thirteen.
    const middles = finite.slice(1).map((half) => (values[half - 1]! + values[half]!) / 2)
    expect(narrow(...middles)).toEqual(middles.map((_, below) => below + (below % 2)))
    expect(narrow(...middles.map((value) => neighbour(value, -1)))).toEqual(middles.map((_, below) => below))
    expect(narrow(...middles.map((value) => neighbour(value, 1)))).toEqual(
      middles.map((_, below) => below + 1),
    )
  })

  test('ends half a step beyond 65504', () => {
    expect(narrow(neighbour(65520, -1), 65520, 1e30, Infinity, -1e30)).toEqual([
      largest,
      0x7c00,
      0x7c00,
      0x7c00,
      0xfc00,
    ])
  })

  test('keeps what is no number, and the sign of nothing', () => {
    expect(widen(narrow(NaN))[0]).toBeNaN()
    expect(narrow(-0, -1e-30, 1e-30)).toEqual([0x8000, 0x8000, 0])
  })
})

describe('weights as float16', () => {
  test('that it cannot reach are an error that names tensor and value', () => {
    const encode = () => encodeWeights('f16', 'lm_head.weight', Float32Array.of(1, -70_000, 2))
    expect(encode).toThrow(ConfigError)
    expect(encode).toThrow('lm_head.weight holds -70000, and float16 ends at ±65504.')
  })

  test('that are infinite already stay so', () => {
    expect([...encodeWeights('f16', 'x', Float32Array.of(-Infinity))]).toEqual([0x00, 0xfc])
  })
})
