import { describe, expect, it } from 'vitest'
import { dot, expectGradient } from '../helpers/central-difference.js'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp, type OpTensor } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { single } from './reference/precision.js'
import { rmsNorm, rmsNormBackward } from './reference/rms_norm.js'

const eps = 1e-5
const sizes = [
  [1, 1],
  [3, 17],
  [65, 63],
  [130, 256],
  [200, 100],
] as const

const weights = (C: number) => normals(C, 9, 0.3).map((w) => 1 + w)

describe('rms_norm', () => {
  it.each(sizes)('agrees with the double reference, with and without delta, R %i, C %i', async (R, C) => {
    const x = normals(R * C, 1, 2)
    const weight = weights(C)
    for (const delta of [undefined, normals(R * C, 2)]) {
      const tensors: Record<string, OpTensor> = {
        x: { data: x, shape: [R, C] },
        weight: { data: weight, shape: [C] },
        y: { data: nans(R * C), shape: [R, C] },
        rstd: { data: nans(R), shape: [R] },
        ...(delta && { delta: { data: delta, shape: [R, C] }, sum: { data: nans(R * C), shape: [R, C] } }),
      }
      const reference = rmsNorm(x, delta, weight, eps)
      const naive = rmsNorm(x, delta, weight, eps, single)
      for (const { sum, y, rstd } of await runEverywhere('rms_norm', tensors, { eps })) {
        expectClose(y!, reference.y, naive.y, C)
        expectClose(rstd!, reference.rstd, naive.rstd, C)
        if (delta) expectClose(sum!, naive.sum)
      }
    }
  })

  it('keeps a row of zeros finite', async () => {
    const tensors = {
      x: { data: new Float32Array(7), shape: [1, 7] },
      weight: { data: weights(7), shape: [7] },
      y: { data: nans(7), shape: [1, 7] },
      rstd: { data: nans(1), shape: [1] },
    }
    for (const { y, rstd } of await runEverywhere('rms_norm', tensors, { eps })) {
      expect(Array.from(y!)).toEqual(Array(7).fill(0))
      expectClose(rstd!, [1 / Math.sqrt(eps)])
    }
  })

  it('refuses a delta without the sum it makes, and shapes that do not fit', async () => {
    const tensors = {
      x: { data: nans(6), shape: [2, 3] },
      weight: { data: nans(3), shape: [3] },
      y: { data: nans(6), shape: [2, 3] },
      rstd: { data: nans(2), shape: [2] },
    }
    const refused = (change: Record<string, OpTensor>) =>
      expect(runOp('rms_norm', { ...tensors, ...change }, { eps })).rejects
    await refused({ delta: { data: nans(6), shape: [2, 3] } }).toThrow('delta was given without sum')
    await refused({ weight: { data: nans(2), shape: [2] } }).toThrow('weight is [2]; x [2, 3] needs [C]')
    await refused({ rstd: { data: nans(3), shape: [3] } }).toThrow('rstd is [3]; x [2, 3] needs [R]')
    await refused({ y: { data: nans(6), shape: [3, 2] } }).toThrow(
      'y is [3, 2]; x [2, 3] needs the same shape',
    )
  })
})

describe('rms_norm_backward', () => {
  it.each(sizes)('agrees with the double reference, writing and accumulating, R %i, C %i', async (R, C) => {
    const x = normals(R * C, 3, 2)
    const dy = normals(R * C, 4)
    const weight = weights(C)
    const rstd = Float32Array.from(rmsNorm(x, undefined, weight, eps).rstd)
    const reference = rmsNormBackward(dy, x, weight, rstd)
    const naive = rmsNormBackward(dy, x, weight, rstd, single)
    for (const accumulate of [0, 1]) {
      const before = accumulate
        ? { dx: normals(R * C, 5), dweight: normals(C, 6) }
        : { dx: nans(R * C), dweight: nans(C) }
      const added = (start: Float32Array, by: Float64Array, round: (x: number) => number = (x) => x) =>
        accumulate ? by.map((value, i) => round(value + start[i]!)) : by
      const tensors = {
        dy: { data: dy, shape: [R, C] },
        x: { data: x, shape: [R, C] },
        weight: { data: weight, shape: [C] },
        rstd: { data: rstd, shape: [R] },
        dx: { data: before.dx, shape: [R, C] },
        dweight: { data: before.dweight, shape: [C] },
      }
      const params = { accumulate_dx: accumulate, accumulate_dweight: accumulate }
      for (const { dx, dweight } of await runEverywhere('rms_norm_backward', tensors, params)) {
        expectClose(dx!, added(before.dx, reference.dx), added(before.dx, naive.dx, single), C)
        expectClose(
          dweight!,
          added(before.dweight, reference.dweight),
          added(before.dweight, naive.dweight, single),
          R,
        )
      }
    }
  })

  it('has a reference that is the gradient of the forward reference', () => {
    const [R, C] = [3, 5]
    const x = Float64Array.from(normals(R * C, 6))
    const weight = Float64Array.from(weights(C))
    const dy = normals(R * C, 7)
    const forward = () => rmsNorm(x, undefined, weight, eps)
    const { dx, dweight } = rmsNormBackward(dy, x, weight, forward().rstd)
    expectGradient(dx, () => dot(forward().y, dy), x)
    expectGradient(dweight, () => dot(forward().y, dy), weight)
  })
})
