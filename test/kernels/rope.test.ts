import { describe, expect, it } from 'vitest'
import { fromBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { expectCloseBf16 } from '../helpers/tolerance.js'
import { single } from '../ops/reference/precision.js'
import { rope, ropeTables } from '../ops/reference/rope.js'

interface Case {
  B: number
  T: number
  heads: number
  D: number
  rest: number // columns behind the rotated heads
  P: number
}
// Vectors of eight and single pairs; heads that are no multiple of the four that a thread takes; more than one block.
const cases: Case[] = [
  { B: 1, T: 1, heads: 1, D: 2, rest: 0, P: 1 },
  { B: 3, T: 17, heads: 3, D: 6, rest: 6, P: 17 },
  { B: 1, T: 3, heads: 1, D: 16, rest: 0, P: 3 },
  { B: 2, T: 65, heads: 5, D: 64, rest: 64, P: 70 },
  { B: 1, T: 33, heads: 9, D: 80, rest: 80, P: 64 },
  { B: 2, T: 9, heads: 4, D: 96, rest: 8, P: 9 },
  { B: 1, T: 127, heads: 6, D: 128, rest: 256, P: 127 },
  { B: 2, T: 9, heads: 2, D: 32, rest: 1, P: 9 },
  { B: 2, T: 9, heads: 2, D: 34, rest: 0, P: 9 },
  { B: 2, T: 200, heads: 3, D: 16, rest: 16, P: 200 },
  { B: 1, T: 257, heads: 2, D: 10, rest: 3, P: 300 },
  { B: 1, T: 1000, heads: 1, D: 16, rest: 0, P: 1000 },
]

function setUp({ B, T, heads, D, rest, P }: Case) {
  const W = heads * D + rest
  const x = rounded(normals(B * T * W, 1))
  const { cos, sin } = ropeTables(P, D)
  const tensors = {
    x: { data: toBf16(x), shape: [B * T, W] },
    cos: { data: cos, shape: [P, D / 2] },
    sin: { data: sin, shape: [P, D / 2] },
  }
  return { W, x, cos, sin, tensors, params: { heads, head_dim: D, positions: T, inverse: 0 } }
}

describe('rope on CUDA', () => {
  it.each(cases)('agrees with the double reference both ways: $B x $T, $heads x $D + $rest', async (c) => {
    const { W, x, cos, sin, tensors, params } = setUp(c)
    for (const inverse of [false, true]) {
      const rotation = { heads: c.heads, headDim: c.D, positions: c.T, inverse }
      const reference = rope(x, W, cos, sin, rotation)
      const naive = rounded(rope(x, W, cos, sin, rotation, single))
      for (const result of await runKernel('rope', tensors, { ...params, inverse: Number(inverse) })) {
        expectCloseBf16(result.x!, reference, naive)
        const values = fromBf16(result.x!)
        for (let i = 0; i < x.length; i++)
          if (i % W >= c.heads * c.D) expect(values[i], 'a column behind the heads').toBe(x[i])
      }
    }
  })

  it('starts at position[0] when it is given', async () => {
    const { W, x, cos, sin, tensors, params } = setUp({ B: 1, T: 4, heads: 2, D: 16, rest: 16, P: 12 })
    const rotation = { heads: 2, headDim: 16, positions: 4, first: 7 }
    const position = { data: Int32Array.of(7), shape: [1] }
    for (const result of await runKernel('rope', { ...tensors, position }, params))
      expectCloseBf16(
        result.x!,
        rope(x, W, cos, sin, rotation),
        rounded(rope(x, W, cos, sin, rotation, single)),
      )
  })

  it.each([
    [9, 12],
    [-1, -1],
    [2 ** 31 - 1, 2 ** 31 + 2],
    [-(2 ** 31), -(2 ** 31)],
  ])('finds the fault of positions from %i', async (first, value) => {
    const { tensors, params } = setUp({ B: 1, T: 4, heads: 2, D: 16, rest: 0, P: 12 })
    const position = { data: Int32Array.of(first), shape: [1] }
    await expect(runKernel('rope', { ...tensors, position }, params)).rejects.toThrow(
      `position ${value} is outside 0 … 11`,
    )
  })
})
