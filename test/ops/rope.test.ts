import { describe, expect, it } from 'vitest'
import { dot, expectGradient } from '../helpers/central-difference.js'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { single } from './reference/precision.js'
import { rope, ropeTables } from './reference/rope.js'

interface Case {
  B: number
  T: number
  heads: number
  D: number
  rest: number // columns behind the rotated heads
  P: number
}
const cases: Case[] = [
  { B: 1, T: 1, heads: 1, D: 2, rest: 0, P: 1 },
  { B: 3, T: 17, heads: 3, D: 6, rest: 6, P: 17 },
  { B: 2, T: 65, heads: 5, D: 64, rest: 64, P: 70 },
  { B: 1, T: 33, heads: 2, D: 80, rest: 80, P: 64 },
  { B: 2, T: 9, heads: 2, D: 34, rest: 1, P: 9 },
]

function setUp({ B, T, heads, D, rest, P }: Case) {
  const W = heads * D + rest
  const x = normals(B * T * W, 1)
  const { cos, sin } = ropeTables(P, D)
  const tensors = {
    x: { data: x, shape: [B * T, W] },
    cos: { data: cos, shape: [P, D / 2] },
    sin: { data: sin, shape: [P, D / 2] },
  }
  return { W, x, cos, sin, tensors, params: { heads, head_dim: D, positions: T, inverse: 0 } }
}

describe('rope', () => {
  it.each(cases)('agrees with the double reference both ways: $B x $T, $heads x $D + $rest', async (c) => {
    const { W, x, cos, sin, tensors, params } = setUp(c)
    for (const inverse of [false, true]) {
      const rotation = { heads: c.heads, headDim: c.D, positions: c.T, inverse }
      const reference = rope(x, W, cos, sin, rotation)
      const naive = rope(x, W, cos, sin, rotation, single)
      for (const result of await runEverywhere('rope', tensors, { ...params, inverse: Number(inverse) })) {
        expectClose(result.x!, reference, naive)
        for (let i = 0; i < x.length; i++)
          if (i % W >= c.heads * c.D) expect(result.x![i], 'a column behind the heads').toBe(x[i])
      }
    }
  })

  it('starts at position[0] when it is given', async () => {
    const c = { B: 1, T: 4, heads: 2, D: 16, rest: 16, P: 12 }
    const { W, x, cos, sin, tensors, params } = setUp(c)
    const reference = rope(x, W, cos, sin, { heads: 2, headDim: 16, positions: 4, first: 7 })
    const position = { data: Int32Array.of(7), shape: [1] }
    for (const result of await runEverywhere('rope', { ...tensors, position }, params))
      expectClose(result.x!, reference)
  })

  it('refuses a position outside the tables when it runs', async () => {
    const { tensors, params } = setUp({ B: 1, T: 4, heads: 2, D: 16, rest: 0, P: 12 })
    for (const [first, said] of [
      [9, 'positions 9 to 12, but the tables hold 0 to 11'],
      [-1, 'positions -1 to 2'],
    ] as const) {
      const position = { data: Int32Array.of(first), shape: [1] }
      await expect(runOp('rope', { ...tensors, position }, params)).rejects.toThrow(said)
    }
  })

  it('has a reference whose inverse is the gradient of the rotation', () => {
    const { cos, sin } = ropeTables(3, 4)
    const x = Float64Array.from(normals(3 * 9, 2))
    const dy = normals(3 * 9, 3)
    const rotation = { heads: 2, headDim: 4, positions: 3 }
    const dx = rope(dy, 9, cos, sin, { ...rotation, inverse: true })
    expectGradient(dx, () => dot(rope(x, 9, cos, sin, rotation), dy), x)
  })

  it('refuses an odd head dim, rows too narrow and tables too short', async () => {
    const { tensors, params } = setUp({ B: 1, T: 4, heads: 2, D: 16, rest: 0, P: 4 })
    const refused = (change: object, otherParams: object = {}) =>
      expect(runOp('rope', { ...tensors, ...change }, { ...params, ...otherParams })).rejects
    await refused({}, { head_dim: 15 }).toThrow('head_dim is 15; rotary positions need an even one')
    await refused({}, { heads: 3 }).toThrow('x is [4, 32]; 3 heads of 16 need 48 columns')
    await refused({}, { positions: 5 }).toThrow('cos is [4, 8]; 5 positions with head_dim 16 need [P, 8]')
    await refused({ sin: { data: nans(24), shape: [3, 8] } }).toThrow('sin is [3, 8]')
  })
})
