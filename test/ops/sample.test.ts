import { describe, expect, it } from 'vitest'
import { normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { sample } from './reference/sample.js'

const seed = [42, 7] as const
const paramsOf = (temperature: number, topK: number, topP: number) => ({
  seed_low: seed[0],
  seed_high: seed[1],
  temperature,
  top_k: topK,
  top_p: topP,
})
const tensorsOf = (logits: Float32Array, counter = 0) => ({
  logits: { data: logits, shape: [logits.length] },
  token: { data: Int32Array.of(-1), shape: [1] },
  counter: { data: Int32Array.of(counter), shape: [1] },
})

describe('sample', () => {
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

  it.each(settings)(
    'draws as the reference: temperature %f, top_k %i, top_p %f',
    async (temperature, topK, topP) => {
      const logits = normals(131, 1, 2)
      const sampling = { seed, temperature, topK, topP }
      for (let counter = 0; counter < 20; counter++)
        for (const { token } of await runEverywhere(
          'sample',
          tensorsOf(logits, counter),
          paramsOf(temperature, topK, topP),
        ))
          expect(token![0]).toBe(sample(logits, sampling, counter))
    },
  )

  it('has a reference that draws every token as often as its probability says', () => {
    const logits = [0, 1, 2, -Infinity]
    const draws = 4000
    const counts = [0, 0, 0, 0]
    for (let counter = 0; counter < draws; counter++)
      counts[sample(logits, { seed, temperature: 1, topK: 0, topP: 1 }, counter)]!++
    const mass = 1 + Math.E + Math.E ** 2
    const expected = [1, Math.E, Math.E ** 2, 0].map((p) => p / mass)
    counts.forEach((count, id) => expect(Math.abs(count / draws - expected[id]!)).toBeLessThan(0.03))
    expect(counts[3]).toBe(0)
  })

  it('takes the largest logit at temperature 0, the lowest id among equals', async () => {
    const logits = normals(100, 2)
    logits[31] = logits[77] = 50
    for (const { token } of await runEverywhere('sample', tensorsOf(logits), paramsOf(0, 3, 0.5)))
      expect(token![0]).toBe(31)
  })

  it.each([
    [4, 1],
    [0, 0.35],
  ])('keeps the four lowest ids of ten equal logits: top_k %i, top_p %f', async (topK, topP) => {
    const logits = new Float32Array(10).fill(1)
    const drawn = new Set<number>()
    for (let counter = 0; counter < 40; counter++) {
      const { token } = await runOp('sample', tensorsOf(logits, counter), paramsOf(1, topK, topP))
      drawn.add(token![0]!)
    }
    expect([...drawn].sort()).toEqual([0, 1, 2, 3])
  })

  it('survives temperatures near zero', async () => {
    const { token } = await runOp('sample', tensorsOf(Float32Array.of(1, 3, 2)), paramsOf(1e-300, 0, 1))
    expect(token![0]).toBe(1)
  })

  it.each([NaN, Infinity])('refuses a %f logit: the model has diverged', async (bad) => {
    const run = runOp('sample', tensorsOf(Float32Array.of(0, 1, bad)), paramsOf(1, 0, 1))
    await expect(run).rejects.toThrow('the logit of token 2')
  })

  it('refuses logits of −inf alone', async () => {
    const run = runOp('sample', tensorsOf(new Float32Array(3).fill(-Infinity)), paramsOf(1, 0, 1))
    await expect(run).rejects.toThrow('all 3 logits are -inf')
  })
})
