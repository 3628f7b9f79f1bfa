import { describe, expect, it } from 'vitest'
import { fromBf16, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { runKernel, trainingDevice } from '../helpers/run-kernel.js'
import { runOp } from '../helpers/run-op.js'

const seed = [42, 7] as const
const paramsOf = (temperature: number, topK: number, topP: number) => ({
  seed_low: seed[0],
  seed_high: seed[1],
  temperature,
  top_k: topK,
  top_p: topP,
})
const tensorsOf = <Logits extends Uint16Array | Float32Array>(logits: Logits, counter = 0) => ({
  logits: { data: logits, shape: [logits.length] },
  token: { data: Int32Array.of(-1), shape: [1] },
  counter: { data: Int32Array.of(counter), shape: [1] },
})

/** The token that the CPU draws from the same logits, which the CUDA kernels must draw too. */
async function tokenOnCpu(logits: Uint16Array, params: ReturnType<typeof paramsOf>, counter = 0) {
  const { token } = await runOp('sample', tensorsOf(fromBf16(logits), counter), params)
  return token![0]
}

const settings = [
  [1, 0, 1],
  [0.7, 0, 1],
  [1, 5, 1],
  [1, 1, 1],
  [1, 1000, 1],
  [1, 0, 0.9],
  [1, 0, 0],
  [2, 20, 0.5],
] as const

describe('sample on CUDA', () => {
  it.each(settings)(
    'draws as the CPU does: temperature %f, top_k %i, top_p %f',
    async (temperature, topK, topP) => {
      const params = paramsOf(temperature, topK, topP)
      const logits = toBf16(normals(131, 1, 2))
      for (const { token } of await runKernel('sample', tensorsOf(logits), params))
        expect(token![0]).toBe(await tokenOnCpu(logits, params))

      for (let counter = 0; counter < 25; counter++) {
        const others = toBf16(normals(100 + 7 * counter, counter, 2))
        const { token } = await runOp('sample', tensorsOf(others, counter), params, {
          device: trainingDevice,
        })
        expect(token![0], `draw ${counter}`).toBe(await tokenOnCpu(others, params, counter))
      }
    },
  )

  // One chunk of 1024 ranks, whole chunks, a ragged last one.
  it.each([1, 259, 1024, 1025, 5003, 32_000])('draws as the CPU does from %i logits', async (V) => {
    const logits = toBf16(normals(V, 3))
    for (const [temperature, topK, topP] of [
      [1, 0, 1],
      [1, 1500, 0.97],
    ] as const) {
      const params = paramsOf(temperature, topK, topP)
      const expected = await tokenOnCpu(logits, params, 5)
      for (const { token } of await runKernel('sample', tensorsOf(logits, 5), params))
        expect(token![0]).toBe(expected)
    }
  })

  it('takes the largest logit at temperature 0, the lowest id among equals', async () => {
    for (const V of [100, 9_001]) {
      const logits = normals(V, 2)
      logits[31] = logits[77] = 50
      for (const { token } of await runKernel('sample', tensorsOf(toBf16(logits)), paramsOf(0, 3, 0.5)))
        expect(token![0]).toBe(31)
    }
  })

  it('takes −0 for 0', async () => {
    for (const { token } of await runKernel('sample', tensorsOf(toBf16([-1, -0, 0])), paramsOf(0, 0, 1)))
      expect(token![0]).toBe(1)
    for (const { token } of await runKernel('sample', tensorsOf(toBf16([-1, -0, 0])), paramsOf(1, 1, 1)))
      expect(token![0]).toBe(1)
  })

  it.each([
    [4, 1],
    [0, 0.35],
    [0, 0.4], // reached exactly
  ])('keeps the four lowest ids of ten equal logits: top_k %i, top_p %f', async (topK, topP) => {
    const logits = toBf16(new Float32Array(10).fill(1))
    const drawn = new Set<number>()
    for (let counter = 0; counter < 30; counter++) {
      const params = paramsOf(1, topK, topP)
      const { token } = await runOp('sample', tensorsOf(logits, counter), params, { device: trainingDevice })
      drawn.add(token![0]!)
    }
    expect([...drawn].sort()).toEqual([0, 1, 2, 3])
  })

  it('never draws a token of probability 0', async () => {
    const logits = new Float32Array(3_000).fill(-Infinity)
    logits[1_500] = 1
    for (let counter = 0; counter < 3; counter++)
      for (const { token } of await runKernel(
        'sample',
        tensorsOf(toBf16(logits), counter),
        paramsOf(1, 0, 1),
      ))
        expect(token![0]).toBe(1_500)
  })

  it('survives temperatures near zero', async () => {
    for (const topK of [0, 2])
      for (const { token } of await runKernel(
        'sample',
        tensorsOf(toBf16([1, 3, 2])),
        paramsOf(1e-300, topK, 1),
      ))
        expect(token![0]).toBe(1)
  })

  it.each([NaN, Infinity, -NaN])('refuses a %f logit: the model has diverged', async (bad) => {
    for (const temperature of [0, 1]) {
      const run = runKernel('sample', tensorsOf(toBf16([0, 1, bad, bad])), paramsOf(temperature, 2, 0.9))
      await expect(run).rejects.toThrow('sample: the logit of token 2 is not finite')
    }
  })

  it('refuses logits of −inf alone', async () => {
    const logits = toBf16(new Float32Array(3).fill(-Infinity))
    for (const temperature of [0, 1])
      await expect(runKernel('sample', tensorsOf(logits), paramsOf(temperature, 0, 1))).rejects.toThrow(
        'sample: all logits are -inf',
      )
  })

  it('refuses more logits than its draw has places for', async () => {
    const logits = new Uint16Array(2 ** 20 + 1)
    await expect(runKernel('sample', tensorsOf(logits), paramsOf(1, 0, 1))).rejects.toThrow(
      'logits is [1048577]; on CUDA it may hold at most 1048576',
    )
  })
})
