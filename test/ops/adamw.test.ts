import { describe, expect, it } from 'vitest'
import { nanBf16, toBf16 } from '../helpers/bf16.js'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { adamw, type AdamWState } from './reference/adamw.js'
import { single, type Round } from './reference/precision.js'

const settings = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 }
const params = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 }
const learningRate = 3e-3

const stepOf = (t: number) => Float64Array.of(learningRate, 1 - 0.9 ** t, 1 - 0.95 ** t)

function problem(n: number, t: number, clip?: Float64Array) {
  const weight = normals(n, 1)
  const gradient = normals(n, 2)
  const m = normals(n, 3, 0.1)
  const v = normals(n, 4, 0.1).map((x) => x * x)
  const vector = (data: Float32Array) => ({ data, shape: [n] })
  const tensors = {
    weight: vector(weight),
    gradient: vector(gradient),
    m: vector(m),
    v: vector(v),
    step: { data: stepOf(t), shape: [3] },
    ...(clip && { clip: { data: clip, shape: [3] } }),
  }
  const reference = (round?: Round): AdamWState => {
    const state = { weight: Float64Array.from(weight), m: Float64Array.from(m), v: Float64Array.from(v) }
    adamw(state, gradient, settings, learningRate, t, clip?.[1], round)
    return state
  }
  return { tensors, reference }
}

describe('adamw', () => {
  it.each([
    [1, 1],
    [17, 1],
    [63, 1000],
    [40_001, 3],
  ])('makes the step of the double reference, n %i, t %i', async (n, t) => {
    for (const clip of [undefined, Float64Array.of(4, 0.25, 1)]) {
      const { tensors, reference } = problem(n, t, clip)
      const expected = reference()
      const naive = reference(single)
      for (const { weight, m, v } of await runEverywhere('adamw', tensors, params)) {
        expectClose(weight!, expected.weight, naive.weight)
        expectClose(m!, expected.m, naive.m)
        expectClose(v!, expected.v, naive.v)
      }
    }
  })

  it('stays with the double reference over ten steps', async () => {
    const n = 300
    const state: AdamWState = {
      weight: Float64Array.from(normals(n, 5)),
      m: new Float64Array(n),
      v: new Float64Array(n),
    }
    let [weight, m, v] = [Float32Array.from(state.weight), new Float32Array(n), new Float32Array(n)]
    for (let t = 1; t <= 10; t++) {
      const gradient = normals(n, 100 + t)
      adamw(state, gradient, settings, learningRate, t)
      const vector = (data: Float32Array) => ({ data, shape: [n] })
      const tensors = { weight: vector(weight), gradient: vector(gradient), m: vector(m), v: vector(v) }
      const result = await runOp('adamw', { ...tensors, step: { data: stepOf(t), shape: [3] } }, params)
      weight = result.weight as Float32Array<ArrayBuffer>
      m = result.m as Float32Array<ArrayBuffer>
      v = result.v as Float32Array<ArrayBuffer>
    }
    expectClose(weight, state.weight, undefined, 10)
  })

  it.each([1, 17, 40_001])('writes the rounded weight that a bf16 forward pass reads, n %i', async (n) => {
    const { tensors } = problem(n, 5)
    const alone = await runEverywhere('adamw', tensors, params)
    const both = await runEverywhere(
      'adamw',
      { ...tensors, rounded: { data: nanBf16(n), shape: [n] } },
      params,
    )
    for (const [level, { weight, rounded }] of both.entries()) {
      expect(weight).toEqual(alone[level]!.weight)
      expect(rounded).toEqual(toBf16(weight!))
    }
  })

  it('changes nothing when the gradient norm was not finite', async () => {
    const { tensors } = problem(50, 2, Float64Array.of(NaN, 0, 0))
    tensors.gradient.data[7] = NaN
    const rounded = { data: toBf16(normals(50, 5)), shape: [50] }
    for (const result of await runEverywhere('adamw', { ...tensors, rounded }, params)) {
      for (const name of ['weight', 'm', 'v'] as const) expect(result[name]).toEqual(tensors[name].data)
      expect(result.rounded).toEqual(rounded.data)
    }
  })

  it('refuses tensors of other sizes', async () => {
    const { tensors } = problem(50, 1)
    const run = (change: object) => expect(runOp('adamw', { ...tensors, ...change }, params)).rejects
    await run({ m: { data: nans(49), shape: [49] } }).toThrow('m has 49 elements, weight has 50')
    await run({ rounded: { data: nanBf16(51), shape: [51] } }).toThrow(
      'rounded has 51 elements, weight has 50',
    )
    await run({ step: { data: new Float64Array(2), shape: [2] } }).toThrow('step is [2]; it must be [3]')
    await run({ clip: { data: new Float64Array(1), shape: [1] } }).toThrow('clip is [1]; it must be [3]')
  })
})
