import { describe, expect, it } from 'vitest'
import { dot, expectGradient } from '../helpers/central-difference.js'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { attention, attentionBackward } from './reference/attention.js'
import { single } from './reference/precision.js'

interface Case {
  B: number
  T: number
  H: number
  G: number
  D: number
}
// Around the strips (4 or 8 rows), blocks (64) and chunks (256) of the kernels, and the head dims of the presets.
const cases: Case[] = [
  { B: 1, T: 1, H: 1, G: 1, D: 2 },
  { B: 2, T: 3, H: 2, G: 1, D: 6 },
  { B: 3, T: 17, H: 4, G: 2, D: 64 },
  { B: 1, T: 63, H: 2, G: 2, D: 34 },
  { B: 1, T: 65, H: 3, G: 1, D: 80 },
  { B: 2, T: 64, H: 2, G: 2, D: 96 },
  { B: 1, T: 130, H: 2, G: 1, D: 128 },
  { B: 1, T: 70, H: 1, G: 1, D: 256 },
  { B: 1, T: 300, H: 2, G: 1, D: 16 },
  { B: 1, T: 577, H: 1, G: 1, D: 8 },
  { B: 70, T: 5, H: 2, G: 2, D: 4 },
]

const paramsOf = ({ T, H, G, D }: Case) => ({ heads: H, kv_heads: G, head_dim: D, positions: T })

function forwardTensors({ B, T, H, G, D }: Case, qkv: Float32Array) {
  return {
    qkv: { data: qkv, shape: [B * T, (H + 2 * G) * D] },
    y: { data: nans(B * T * H * D), shape: [B * T, H * D] },
    lse: { data: nans(B * H * T), shape: [B * H, T] },
  }
}

const qkvOf = ({ B, T, H, G, D }: Case, scale = 1) => normals(B * T * (H + 2 * G) * D, 1, scale)

describe('attention', () => {
  it.each(cases)('agrees with the double reference: B $B, T $T, H $H, G $G, D $D', async (c) => {
    const qkv = qkvOf(c)
    const reference = attention(qkv, c.T, c)
    const naive = attention(qkv, c.T, c, single)
    for (const { y, lse } of await runEverywhere('attention', forwardTensors(c, qkv), paramsOf(c))) {
      expectClose(y!, reference.y, naive.y, c.T)
      expectClose(lse!, reference.lse, naive.lse, c.T)
    }
  })

  it('stays accurate where scores are large and few keys take all', async () => {
    const c = { B: 1, T: 100, H: 2, G: 1, D: 16 }
    const qkv = qkvOf(c, 30).map(Math.round) // integers: scores of thousands, and still exact
    const reference = attention(qkv, c.T, c)
    const naive = attention(qkv, c.T, c, single)
    for (const { y, lse } of await runEverywhere('attention', forwardTensors(c, qkv), paramsOf(c))) {
      expectClose(y!, reference.y, naive.y, c.T)
      expectClose(lse!, reference.lse, naive.lse, c.T)
    }
  })

  it('lets nothing of the future or of another sequence into a row', async () => {
    const c = { B: 2, T: 90, H: 2, G: 1, D: 16 }
    const [qkv, changed] = [qkvOf(c), qkvOf(c)]
    const W = (c.H + 2 * c.G) * c.D
    changed.set(normals(W, 5, 1e15), 70 * W) // row 70 of sequence 0: query, key and value
    const before = await runEverywhere('attention', forwardTensors(c, qkv), paramsOf(c))
    const after = await runEverywhere('attention', forwardTensors(c, changed), paramsOf(c))
    before.forEach(({ y }, level) => {
      const width = c.H * c.D
      for (let r = 0; r < 2 * c.T; r++) {
        const same = y!
          .subarray(r * width, (r + 1) * width)
          .every((value, i) => value === after[level]!.y![r * width + i])
        expect(same, `row ${r}`).toBe(r < 70 || r >= c.T)
      }
    })
  })

  it('refuses shapes that do not fit', async () => {
    const c = { B: 2, T: 3, H: 4, G: 2, D: 6 }
    const tensors = forwardTensors(c, qkvOf(c))
    const refused = (change: object, params: object = {}) =>
      expect(runOp('attention', { ...tensors, ...change }, { ...paramsOf(c), ...params })).rejects
    await refused({}, { kv_heads: 3 }).toThrow('heads is 4, kv_heads 3; kv_heads must divide heads')
    await refused({}, { head_dim: 5 }).toThrow('head_dim is 5; it must be even')
    await refused({}, { positions: 4 }).toThrow('qkv has 6 rows; sequences of 4 positions need a multiple')
    await refused({}, { heads: 2 }).toThrow('qkv is [6, 48]; it needs [6, 36]')
    await refused({ y: { data: nans(6), shape: [6, 1] } }).toThrow('y is [6, 1]; it needs [6, 24]')
    await refused({ lse: { data: nans(24), shape: [4, 6] } }).toThrow('lse is [4, 6]; it needs [8, 3]')
  })
})

function backwardTensors(c: Case, qkv: Float32Array, dy: Float32Array) {
  const { B, T, H } = c
  const forward = forwardTensors(c, qkv)
  const { y, lse } = attention(qkv, T, c)
  return {
    qkv: forward.qkv,
    y: { data: Float32Array.from(y), shape: forward.y.shape },
    dy: { data: dy, shape: forward.y.shape },
    lse: { data: Float32Array.from(lse), shape: [B * H, T] },
    dqkv: { data: nans(qkv.length), shape: forward.qkv.shape },
  }
}

describe('attention_backward', () => {
  it.each(cases)('agrees with the double reference: B $B, T $T, H $H, G $G, D $D', async (c) => {
    const qkv = qkvOf(c)
    const dy = normals(c.B * c.T * c.H * c.D, 2)
    const reference = attentionBackward(qkv, dy, c.T, c)
    const naive = attentionBackward(qkv, dy, c.T, c, single)
    for (const { dqkv } of await runEverywhere(
      'attention_backward',
      backwardTensors(c, qkv, dy),
      paramsOf(c),
    ))
      expectClose(dqkv!, reference, naive, c.T)
  })

  it('has a reference that is the gradient of the forward reference', () => {
    const heads = { H: 4, G: 2, D: 2 }
    const qkv = Float64Array.from(normals(2 * 3 * 16, 3))
    const dy = normals(2 * 3 * 8, 4)
    expectGradient(attentionBackward(qkv, dy, 3, heads), () => dot(attention(qkv, 3, heads).y, dy), qkv)
  })

  it('refuses shapes that do not fit', async () => {
    const c = { B: 2, T: 3, H: 4, G: 2, D: 6 }
    const tensors = backwardTensors(c, qkvOf(c), normals(6 * 24, 2))
    const refused = (change: object) =>
      expect(runOp('attention_backward', { ...tensors, ...change }, paramsOf(c))).rejects
    await refused({ dy: { data: nans(6), shape: [6, 1] } }).toThrow('dy is [6, 1]; it needs [6, 24]')
    await refused({ dqkv: { data: nans(6), shape: [6, 1] } }).toThrow('dqkv is [6, 1]; it needs [6, 48]')
    await refused({ lse: { data: nans(24), shape: [4, 6] } }).toThrow('lse is [4, 6]; it needs [8, 3]')
  })
})
