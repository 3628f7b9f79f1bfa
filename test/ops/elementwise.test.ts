import { describe, expect, it } from 'vitest'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { philox, uniform } from './reference/philox.js'

const counts = [1, 17, 63, 65, 40_003]
const vector = (data: Float32Array) => ({ data, shape: [data.length] })

describe('fill', () => {
  it.each(counts)('writes the value into all %i elements', async (n) => {
    for (const { y } of await runEverywhere('fill', { y: vector(nans(n)) }, { value: -2.5 }))
      expect(y!.every((x) => x === -2.5)).toBe(true)
  })
})

describe('fill_normal', () => {
  const seed = { seed_low: 123, seed_high: 4_000_000_000 }

  it('makes element 4i … 4i+3 from Philox block i by Box-Muller', async () => {
    const n = 4 * 33 + 3
    const std = 0.02
    const expected = Float64Array.from({ length: n }, (_, i) => {
      const u = philox([seed.seed_low, seed.seed_high], 7, Math.floor(i / 4)).map(uniform)
      const pair = i % 4 < 2 ? 0 : 2
      const angle = 2 * Math.PI * u[pair + 1]!
      return std * Math.sqrt(-2 * Math.log(u[pair]!)) * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle))
    })
    for (const { y } of await runEverywhere(
      'fill_normal',
      { y: vector(nans(n)) },
      { ...seed, stream: 7, std },
    ))
      expectClose(y!, expected)
  })

  it('has the moments of a normal distribution', async () => {
    const n = 200_000
    const { y } = await runOp('fill_normal', { y: vector(nans(n)) }, { ...seed, stream: 0, std: 1 })
    const moment = (power: number) => y!.reduce((sum, x) => sum + x ** power, 0) / n
    expect(moment(1)).toBeCloseTo(0, 2)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.015)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15)
  })

  it('gives other numbers for another stream and for another seed', async () => {
    const run = async (params: object) => {
      const { y } = await runOp(
        'fill_normal',
        { y: vector(nans(8)) },
        { ...seed, stream: 0, std: 1, ...params },
      )
      return Array.from(y!).join()
    }
    const drawn = await Promise.all([
      run({}),
      run({ stream: 1 }),
      run({ seed_low: 124 }),
      run({ seed_high: 0 }),
    ])
    expect(new Set(drawn).size).toBe(4)
  })

  it('refuses a seed beyond 32 bits', async () => {
    const run = runOp(
      'fill_normal',
      { y: vector(nans(8)) },
      { ...seed, seed_low: 2 ** 32, stream: 0, std: 1 },
    )
    await expect(run).rejects.toThrow('seed_low')
  })
})

describe('copy', () => {
  it.each(counts)('copies %i elements, NaN and all', async (n) => {
    const x = normals(n, 1)
    x[0] = NaN
    for (const { y } of await runEverywhere('copy', { x: vector(x), y: vector(normals(n, 2)) }, {}))
      expect(y).toEqual(x)
  })

  it('takes other shapes of the same count and refuses another count', async () => {
    const x = { data: normals(6, 1), shape: [2, 3] }
    const { y } = await runOp('copy', { x, y: { data: nans(6), shape: [3, 1, 2] } }, {})
    expect(y).toEqual(x.data)
    const short = runOp('copy', { x, y: vector(nans(5)) }, {})
    await expect(short).rejects.toThrow('x has 6 elements, y has 5; they must be equal')
  })
})

describe('add', () => {
  it.each(counts)('adds %i elements as fp32 does', async (n) => {
    const [x, before] = [normals(n, 1), normals(n, 2)]
    const expected = before.map((value, i) => value + x[i]!)
    for (const { y } of await runEverywhere('add', { x: vector(x), y: vector(before) }, {}))
      expect(y).toEqual(expected)
  })
})

describe('convert', () => {
  // bf16 is the upper half of fp32; to_bf16 in exact arithmetic on the bits.
  const toBf16 = (x: number) => {
    const bits = new Uint32Array(Float32Array.of(x).buffer)[0]!
    const upper = Math.floor(bits / 65536)
    const lower = bits % 65536
    return upper + (lower > 32768 || (lower === 32768 && upper % 2 === 1) ? 1 : 0)
  }
  const convert = (x: Float32Array) =>
    runEverywhere(
      'convert',
      { x: vector(x), y: { data: new Uint16Array(x.length).fill(0xffff), shape: [x.length] } },
      {},
    )

  it.each(counts)('rounds %i elements to nearest', async (n) => {
    const x = normals(n, 1, 100)
    for (const { y } of await convert(x)) expect(Array.from(y!)).toEqual(Array.from(x, toBf16))
  })

  it('breaks ties to even and keeps zeros, infinities, subnormals and NaN', async () => {
    const bits = Uint32Array.of(
      ...[0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff, 0x00000000, 0x80000000, 0x7f800000, 0xff800000],
      ...[0x7f7fffff, 0x00000001, 0x00018000, 0x7f800001, 0xffffffff, 0x7fc00000],
    )
    for (const { y } of await convert(new Float32Array(bits.buffer))) {
      expect(Array.from(y!.subarray(0, 11))).toEqual([
        ...[0x3f80, 0x3f82, 0x3f81, 0x3f80, 0x0000, 0x8000, 0x7f80, 0xff80],
        ...[0x7f80, 0x0000, 0x0002],
      ])
      for (const nan of y!.subarray(11)) expect((nan & 0x7f80) === 0x7f80 && (nan & 0x7f) !== 0).toBe(true)
    }
  })
})
