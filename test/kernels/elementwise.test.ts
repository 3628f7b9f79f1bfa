import { describe, expect, it } from 'vitest'
import { nanBf16, toBf16 } from '../helpers/bf16.js'
import { nans, normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { runOp } from '../helpers/run-op.js'

// 4096 elements are a chunk: below it, one, one and a bit, two and a bit.
const counts = [1, 17, 63, 200, 257, 1000, 4000, 4096, 4097, 10_000]
const vector = (data: Float32Array) => ({ data, shape: [data.length] })

describe('fill on CUDA', () => {
  it.each(counts)('writes the value into all %i elements', async (n) => {
    for (const { y } of await runKernel('fill', { y: vector(nans(n)) }, { value: -2.5 }))
      expect(y!.every((x) => x === -2.5)).toBe(true)
  })
})

describe('fill_normal on CUDA', () => {
  it.each([1, 2, 3, 4, 200, 257, 1000, 1023, 9001])(
    'draws the numbers of the CPU kernel, %i of them',
    async (n) => {
      const params = { seed_low: 123, seed_high: 4_000_000_000, stream: 7, std: 0.02 }
      const { y: cpu } = await runOp('fill_normal', { y: vector(nans(n)) }, params)
      for (const { y } of await runKernel('fill_normal', { y: vector(nans(n)) }, params))
        expect(mostUlps(y!, cpu!)).toBeLessThanOrEqual(1)
    },
  )
})

describe('copy on CUDA', () => {
  it.each(counts)('copies %i elements, NaN and all', async (n) => {
    const x = normals(n, 1)
    x[0] = NaN
    for (const { y } of await runKernel('copy', { x: vector(x), y: vector(normals(n, 2)) }, {}))
      expect(y).toEqual(x)
  })
})

describe('add on CUDA', () => {
  it.each(counts)('adds %i elements as fp32 does', async (n) => {
    const [x, before] = [normals(n, 1), normals(n, 2)]
    const expected = before.map((value, i) => value + x[i]!)
    for (const { y } of await runKernel('add', { x: vector(x), y: vector(before) }, {}))
      expect(y).toEqual(expected)
  })
})

describe('convert on CUDA', () => {
  const convert = (x: Float32Array) =>
    runKernel('convert', { x: vector(x), y: { data: nanBf16(x.length), shape: [x.length] } }, {})

  it.each(counts)('rounds %i elements to nearest', async (n) => {
    const x = normals(n, 1, 100)
    for (const { y } of await convert(x)) expect(y).toEqual(toBf16(x))
  })

  it('breaks ties to even and keeps zeros, infinities, subnormals and NaN, in vectors and one by one', async () => {
    const bits = [
      ...[0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x00000000, 0x80000000, 0x7f800000, 0xff800000],
      ...[0x7f7fffff, 0x00000001, 0x00018000, 0x7f800001, 0xffffffff, 0x7fc00000, 0x3f800000, 0xbf808000],
    ]
    const rounded = [
      ...[0x3f80, 0x3f82, 0x3f81, 0x3f80, 0x0000, 0x8000, 0x7f80, 0xff80],
      ...[0x7f80, 0x0000, 0x0002, 'NaN', 'NaN', 'NaN', 0x3f80, 0xbf80],
    ]
    for (const repeats of [1, 256]) {
      const all = Uint32Array.from({ length: bits.length * repeats }, (_, i) => bits[i % bits.length]!)
      for (const { y } of await convert(new Float32Array(all.buffer)))
        expect(Array.from(y!.subarray(-bits.length), (b) => ((b & 0x7fff) > 0x7f80 ? 'NaN' : b))).toEqual(
          rounded,
        )
    }
  })
})

/** The most that two numbers of equal place are apart, in units of the last place. */
function mostUlps(a: Float32Array, b: Float32Array): number {
  const [bitsA, bitsB] = [a, b].map((x) => new Int32Array(x.buffer, x.byteOffset, x.length)) as [
    Int32Array,
    Int32Array,
  ]
  return bitsA.reduce((most, bits, i) => Math.max(most, Math.abs(bits - bitsB[i]!)), 0)
}
