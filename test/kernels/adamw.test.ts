import { describe, expect, it } from 'vitest'
import { nanBf16, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { expectClose } from '../helpers/tolerance.js'
import { adamw, type AdamWState } from '../ops/reference/adamw.js'
import { single, type Round } from '../ops/reference/precision.js'

const settings = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 }
const params = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 }
const learningRate = 3e-3

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
    step: { data: Float64Array.of(learningRate, 1 - 0.9 ** t, 1 - 0.95 ** t), shape: [3] },
    ...(clip && { clip: { data: clip, shape: [3] } }),
  }
  const reference = (round?: Round): AdamWState => {
    const state = { weight: Float64Array.from(weight), m: Float64Array.from(m), v: Float64Array.from(v) }
    adamw(state, gradient, settings, learningRate, t, clip?.[1], round)
    return state
  }
  return { tensors, reference }
}

describe('adamw on CUDA', () => {
  // 2048 elements are a chunk: below it, one, one and a bit, two and a bit.
  it.each([
    [1, 1],
    [17, 1],
    [63, 1000],
    [2048, 2],
    [2049, 1],
    [5000, 3],
  ])('makes the step of the double reference, n %i, t %i', async (n, t) => {
    for (const clip of [undefined, Float64Array.of(4, 0.25, 1)]) {
      const { tensors, reference } = problem(n, t, clip)
      const expected = reference()
      const naive = reference(single)
      for (const { weight, m, v } of await runKernel('adamw', tensors, params)) {
        expectClose(weight!, expected.weight, naive.weight)
        expectClose(m!, expected.m, naive.m)
        expectClose(v!, expected.v, naive.v)
      }
    }
  })

  it.each([3, 2048, 2100])('writes the rounded weight that the forward pass reads, n %i', async (n) => {
    const { tensors } = problem(n, 5)
    const rounded = { data: nanBf16(n), shape: [n] }
    const alone = await runKernel('adamw', tensors, params)
    for (const [i, result] of (await runKernel('adamw', { ...tensors, rounded }, params)).entries()) {
      expect(result.weight).toEqual(alone[i]!.weight)
      expect(result.rounded).toEqual(toBf16(result.weight!))
    }
  })

  it.each([50, 2048])('changes none of %i elements when the gradient norm was not finite', async (n) => {
    const { tensors } = problem(n, 2, Float64Array.of(NaN, 0, 0))
    const rounded = { data: toBf16(normals(n, 5)), shape: [n] }
    tensors.gradient.data[7] = NaN
    for (const result of await runKernel('adamw', { ...tensors, rounded }, params)) {
      for (const name of ['weight', 'm', 'v'] as const) expect(result[name]).toEqual(tensors[name].data)
      expect(result.rounded).toEqual(rounded.data)
    }
  })

  it('keeps weights, moments and the way on where every gradient has been zero', async () => {
    const { tensors } = problem(2048, 1)
    for (const name of ['gradient', 'm', 'v'] as const) tensors[name].data.fill(0)
    const decayed = tensors.weight.data.map((w) => w * Math.fround(1 - learningRate * settings.weightDecay))
    for (const { weight } of await runKernel('adamw', tensors, params)) expect(weight).toEqual(decayed)
  })
})
