import { describe, expect, test } from 'vitest'
import { toBfloat16, toFloat32 } from '../../lib/checkpoint/dtype.js'
import { bytesOf } from '../../lib/checkpoint/region.js'

const everyHalf = Uint16Array.from({ length: 65536 }, (_, i) => i)

/** The value of a float with a sign bit, `exponentBits` and `fractionBits`, from the definition of IEEE 754. */
function valueOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> 15 ? -1 : 1
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1)
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias)
}

describe('widening to float32', () => {
  test.each([
    ['F16', 5, 10],
    ['BF16', 8, 7],
  ] as const)('every %s value has the value that IEEE 754 gives it', (dtype, exponentBits, fractionBits) => {
    const wide = toFloat32(dtype, bytesOf(everyHalf))
    const wrong = [...everyHalf].filter(
      (bits) => !Object.is(wide[bits], valueOf(bits, exponentBits, fractionBits)),
    )
    expect(wrong).toEqual([])
  })

  test('F32 is a view', () => {
    const values = Float32Array.of(1, 2, 3)
    const same = toFloat32('F32', bytesOf(values).subarray(4))
    same[0] = 9
    expect([...values]).toEqual([1, 9, 3])
  })
})

describe('rounding to bfloat16', () => {
  test('every bfloat16 comes back as it was, except that a NaN may become a quiet one', () => {
    const back = toBfloat16(toFloat32('BF16', bytesOf(everyHalf)))
    for (const bits of everyHalf) {
      const nan = Number.isNaN(valueOf(bits, 8, 7))
      if (back[bits] !== (nan ? bits | 0x40 : bits)) expect.fail(`0x${bits.toString(16)}`)
    }
  })

  test('the nearest neighbour wins, and the even one of two equally near', () => {
    const ulp = 2 ** -7
    const cases: [number, number][] = [
      [1 + 0.49 * ulp, 1],
      [1 + 0.51 * ulp, 1 + ulp],
      [1 + 0.5 * ulp, 1],
      [1 + 1.5 * ulp, 1 + 2 * ulp],
      [-(1 + 1.5 * ulp), -(1 + 2 * ulp)],
      [3.4e38, Infinity],
      [1e-45, 0],
    ]
    const rounded = toFloat32('BF16', bytesOf(toBfloat16(Float32Array.from(cases, ([value]) => value))))
    expect([...rounded]).toEqual(cases.map(([, expected]) => expected))
  })

  test('a NaN whose payload lies in the lost bits stays a NaN', () => {
    const bits = Uint32Array.of(0x7f800001, 0xff80ffff, 0x7fffffff)
    const rounded = toFloat32('BF16', bytesOf(toBfloat16(new Float32Array(bits.buffer))))
    expect([...rounded]).toEqual([NaN, NaN, NaN])
  })
})
