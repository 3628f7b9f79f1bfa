import { describe, expect, it } from 'vitest'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { attention, cachedAttention } from './reference/attention.js'
import { single } from './reference/precision.js'

interface Case {
  n: number
  first: number
  P: number
  H: number
  G: number
  D: number
}
const cases: Case[] = [
  { n: 1, first: 0, P: 1, H: 1, G: 1, D: 2 },
  { n: 1, first: 65, P: 66, H: 4, G: 2, D: 64 },
  { n: 3, first: 17, P: 40, H: 2, G: 2, D: 6 },
  { n: 17, first: 0, P: 63, H: 6, G: 1, D: 80 },
  { n: 5, first: 30, P: 35, H: 3, G: 3, D: 33 },
]
const paramsOf = ({ H, G, D }: Case) => ({ heads: H, kv_heads: G, head_dim: D })
const positionOf = (first: number) => ({ data: Int32Array.of(first), shape: [1] })

function setUp({ n, P, H, G, D }: Case) {
  const W = (H + 2 * G) * D
  return {
    W,
    qkv: { data: normals(n * W, 1), shape: [n, W] },
    cache: { data: normals(2 * P * G * D, 2), shape: [2, P, G * D] },
  }
}

describe('kv_append', () => {
  it.each(cases)('stores keys and values and leaves the rest: $n rows at $first of $P', async (c) => {
    const { W, qkv, cache } = setUp(c)
    const expected = cache.data.slice()
    const width = c.G * c.D
    for (let i = 0; i < c.n; i++)
      for (const plane of [0, 1]) {
        const from = i * W + (c.H + plane * c.G) * c.D
        expected.set(qkv.data.subarray(from, from + width), (plane * c.P + c.first + i) * width)
      }
    const tensors = { qkv, cache, position: positionOf(c.first) }
    for (const result of await runEverywhere('kv_append', tensors, paramsOf(c)))
      expect(result.cache).toEqual(expected)
  })

  it('refuses to write past the end of the cache', async () => {
    const c = cases[2]!
    const { qkv, cache } = setUp(c)
    await expect(runOp('kv_append', { qkv, cache, position: positionOf(38) }, paramsOf(c))).rejects.toThrow(
      'kv_append: positions 38 to 40, but the cache holds 0 to 39',
    )
  })

  it('refuses shapes that do not fit', async () => {
    const c = cases[2]!
    const { qkv, cache } = setUp(c)
    const refused = (change: object, params: object = {}) =>
      expect(
        runOp('kv_append', { qkv, cache, position: positionOf(0), ...change }, { ...paramsOf(c), ...params }),
      ).rejects
    await refused({}, { kv_heads: 4 }).toThrow('kv_heads must divide heads')
    await refused({}, { heads: 4 }).toThrow('qkv is [3, 36]; 4 query and 2 x 2 key/value heads of 6 need 48')
    await refused({ cache: { data: nans(72), shape: [3, 2, 12] } }).toThrow(
      'cache is [3, 2, 12]; it needs [2, P, 12]',
    )
    await refused({ cache: { data: nans(48), shape: [2, 2, 12] } }).toThrow(
      'qkv has 3 rows; the cache holds 2',
    )
    await refused({ position: { data: Int32Array.of(0, 0), shape: [2] } }).toThrow('position has 2 elements')
  })
})

describe('cached_attention', () => {
  it.each(cases)('agrees with the double reference: $n rows at $first, H $H, G $G, D $D', async (c) => {
    const { qkv, cache } = setUp(c)
    const y = { data: nans(c.n * c.H * c.D), shape: [c.n, c.H * c.D] }
    // What lies behind the last query's position is not there yet.
    const width = c.G * c.D
    for (const plane of [0, 1])
      cache.data.fill(NaN, (plane * c.P + c.first + c.n) * width, (plane + 1) * c.P * width)
    const reference = cachedAttention(qkv.data, cache.data, c.P, c.first, c)
    const naive = cachedAttention(qkv.data, cache.data, c.P, c.first, c, single)
    const tensors = { qkv, cache, y, position: positionOf(c.first) }
    for (const result of await runEverywhere('cached_attention', tensors, paramsOf(c)))
      expectClose(result.y!, reference, naive, c.first + c.n)
  })

  it('has a reference that equals attention over the whole sequence', () => {
    const [T, H, G, D] = [9, 4, 2, 6]
    const W = (H + 2 * G) * D
    const qkv = normals(T * W, 3)
    const cache = new Float64Array(2 * T * G * D)
    for (let i = 0; i < T; i++)
      for (let d = 0; d < G * D; d++)
        for (const plane of [0, 1]) cache[(plane * T + i) * G * D + d] = qkv[i * W + (H + plane * G) * D + d]!
    expect(cachedAttention(qkv, cache, T, 0, { H, G, D })).toEqual(attention(qkv, T, { H, G, D }).y)
  })

  it('refuses a position outside the cache', async () => {
    const c = cases[2]!
    const { qkv, cache } = setUp(c)
    const y = { data: nans(36), shape: [3, 12] }
    for (const first of [38, -1])
      await expect(
        runOp('cached_attention', { qkv, cache, y, position: positionOf(first) }, paramsOf(c)),
      ).rejects.toThrow(`cached_attention: positions ${first} to ${first + 2}, but the cache holds 0 to 39`)
  })

  it('refuses a y that does not fit', async () => {
    const c = cases[2]!
    const { qkv, cache } = setUp(c)
    const y = { data: nans(12), shape: [1, 12] }
    await expect(
      runOp('cached_attention', { qkv, cache, y, position: positionOf(0) }, paramsOf(c)),
    ).rejects.toThrow('y is [1, 12]; it needs [3, 12]')
  })
})
