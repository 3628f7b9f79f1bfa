import { describe, expect, it } from 'vitest'
import { nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { expectCloseBf16 } from '../helpers/tolerance.js'
import { cachedAttention } from '../ops/reference/attention.js'
import { brain, single } from '../ops/reference/precision.js'

interface Case {
  n: number
  first: number
  P: number
  H: number
  G: number
  D: number
}
// One row and several, at both ends of a cache, around the splits (128 positions) and with every head dim.
const cases: Case[] = [
  { n: 1, first: 0, P: 1, H: 1, G: 1, D: 32 },
  { n: 1, first: 127, P: 300, H: 4, G: 2, D: 64 },
  { n: 1, first: 128, P: 300, H: 3, G: 1, D: 128 },
  { n: 1, first: 999, P: 1000, H: 2, G: 2, D: 64 },
  { n: 1, first: 257, P: 400, H: 1, G: 1, D: 96 },
  { n: 17, first: 0, P: 63, H: 3, G: 1, D: 80 },
  { n: 64, first: 65, P: 200, H: 1, G: 1, D: 32 },
  { n: 65, first: 0, P: 65, H: 2, G: 1, D: 128 },
]
const paramsOf = ({ H, G, D }: Case) => ({ heads: H, kv_heads: G, head_dim: D })
const positionOf = (first: number) => ({ data: Int32Array.of(first), shape: [1] })

function setUp({ n, P, H, G, D }: Case) {
  const W = (H + 2 * G) * D
  const qkv = rounded(normals(n * W, 1))
  const cache = rounded(normals(2 * P * G * D, 2))
  return {
    W,
    qkv,
    cache,
    tensors: {
      qkv: { data: toBf16(qkv), shape: [n, W] },
      cache: { data: toBf16(cache), shape: [2, P, G * D] },
    },
    y: { data: nanBf16(n * H * D), shape: [n, H * D] },
  }
}

describe('kv_append on CUDA', () => {
  it.each(cases)('stores keys and values and leaves the rest: $n rows at $first of $P', async (c) => {
    const { W, tensors } = setUp(c)
    const expected = tensors.cache.data.slice()
    const width = c.G * c.D
    for (let i = 0; i < c.n; i++)
      for (const plane of [0, 1]) {
        const from = i * W + (c.H + plane * c.G) * c.D
        expected.set(tensors.qkv.data.subarray(from, from + width), (plane * c.P + c.first + i) * width)
      }
    const all = { ...tensors, position: positionOf(c.first) }
    for (const { cache } of await runKernel('kv_append', all, paramsOf(c))) expect(cache).toEqual(expected)
  })

  it.each([62, -1])('refuses position %i, outside the cache', async (first) => {
    const c = { n: 2, first, P: 63, H: 1, G: 1, D: 32 }
    const all = { ...setUp(c).tensors, position: positionOf(first) }
    await expect(runKernel('kv_append', all, paramsOf(c))).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })

  it('refuses head dims without a kernel', async () => {
    const c = { n: 1, first: 0, P: 2, H: 1, G: 1, D: 48 }
    const all = { ...setUp(c).tensors, position: positionOf(0) }
    await expect(runKernel('kv_append', all, paramsOf(c))).rejects.toThrow('head_dim is 48')
  })
})

describe('cached_attention on CUDA', () => {
  it.each(cases)('agrees with the double reference: $n rows at $first of $P, D $D', async (c) => {
    const { qkv, cache, tensors, y } = setUp(c)
    // What lies behind the last query's position is not there yet.
    const width = c.G * c.D
    for (const plane of [0, 1])
      tensors.cache.data.fill(0x7fff, (plane * c.P + c.first + c.n) * width, (plane + 1) * c.P * width)
    const reference = cachedAttention(qkv, cache, c.P, c.first, c)
    const naive = cachedAttention(qkv, cache, c.P, c.first, c, single, brain)
    const all = { ...tensors, y, position: positionOf(c.first) }
    for (const result of await runKernel('cached_attention', all, paramsOf(c)))
      expectCloseBf16(result.y!, reference, naive, c.first + c.n)
  })

  it.each([62, -1])('refuses position %i, outside the cache', async (first) => {
    const c = { n: 2, first, P: 63, H: 1, G: 1, D: 32 }
    const { tensors, y } = setUp(c)
    const all = { ...tensors, y, position: positionOf(first) }
    await expect(runKernel('cached_attention', all, paramsOf(c))).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    })
  })

  it('refuses head dims without a kernel', async () => {
    const c = { n: 1, first: 0, P: 2, H: 1, G: 1, D: 48 }
    const { tensors, y } = setUp(c)
    const all = { ...tensors, y, position: positionOf(0) }
    await expect(runKernel('cached_attention', all, paramsOf(c))).rejects.toThrow('head_dim is 48')
  })
})
