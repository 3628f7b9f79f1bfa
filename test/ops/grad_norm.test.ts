import { describe, expect, it } from 'vitest'
import { normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { guardCases, guardedTensors } from './reference/update-guards.js'

const tensorsOf = (gradient: Float32Array, shape = [gradient.length]) => ({
  gradient: { data: gradient, shape },
  result: { data: new Float64Array(3).fill(NaN), shape: [3] },
})
const normOf = (gradient: Float32Array) => Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0))

describe('grad_norm', () => {
  it.each([1, 17, 63, 32768, 100_003])('gives the norm of %i elements in double', async (n) => {
    const gradient = normals(n, 1)
    const norm = normOf(gradient)
    for (const { result } of await runEverywhere('grad_norm', tensorsOf(gradient), { max_norm: 1 })) {
      expect(result![0]! / norm).toBeCloseTo(1, 12)
      expect(result![1]! / Math.min(1, 1 / (norm + 1e-6))).toBeCloseTo(1, 12)
      expect(result![2]).toBe(1)
    }
  })

  it('does not clip a norm below the limit, nor any norm when the limit is 0', async () => {
    for (const max_norm of [0, 1e9])
      for (const { result } of await runEverywhere('grad_norm', tensorsOf(normals(30, 2), [5, 6]), {
        max_norm,
      }))
        expect(result![1]).toBe(1)
  })

  it('does not overflow where the square does not fit fp32', async () => {
    const gradient = new Float32Array(100).fill(3e38)
    for (const { result } of await runEverywhere('grad_norm', tensorsOf(gradient), { max_norm: 1 })) {
      expect(result![0]! / normOf(gradient)).toBeCloseTo(1, 12)
      expect(result![2]).toBe(1)
    }
  })

  it.each([NaN, Infinity, -Infinity])('flags a single %f wherever it stands', async (bad) => {
    for (const position of [0, 40_000, 65_000]) {
      const gradient = normals(65_001, 3)
      gradient[position] = bad
      for (const { result } of await runEverywhere('grad_norm', tensorsOf(gradient), { max_norm: 1 }))
        expect(Array.from(result!.subarray(1))).toEqual([0, 0])
    }
  })

  it.each(guardCases)('$name: apply is $apply', async (guarded) => {
    for (const { result } of await runEverywhere('grad_norm', guardedTensors(guarded), { max_norm: 1 })) {
      const scale = guarded.apply === 1 ? 1 / (5 + 1e-6) : 0
      expect(Array.from(result!.subarray(1))).toEqual([scale, guarded.apply])
    }
  })

  it('tells the norm of an update that it does not let through', async () => {
    const tensors = guardedTensors({ gradient: [3, 4], loss: 7, limits: [6, 4] })
    for (const { result } of await runEverywhere('grad_norm', tensors, { max_norm: 1 }))
      expect(Array.from(result!)).toEqual([5, 0, 0])
  })

  it.each([
    ['loss', 2, 'loss is [2]; it must be [1]'],
    ['limits', 1, 'limits is [1]; it must be [2]'],
    ['limits', 3, 'limits is [3]; it must be [2]'],
  ])('refuses %s of %i values', async (name, size, message) => {
    const tensors = {
      ...tensorsOf(normals(4, 4)),
      [name]: { data: new Float64Array(size), shape: [size] },
    }
    await expect(runOp('grad_norm', tensors, { max_norm: 1 })).rejects.toThrow(message)
  })

  it('refuses a result that has not three elements', async () => {
    const tensors = { ...tensorsOf(normals(4, 4)), result: { data: new Float64Array(2), shape: [2] } }
    await expect(runOp('grad_norm', tensors, { max_norm: 1 })).rejects.toThrow(
      'result is [2]; it must be [3]',
    )
  })
})
