import { describe, expect, it } from 'vitest'
import { nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { nans, normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import type { OpTensor } from '../helpers/run-op.js'
import { expectClose, expectCloseBf16 } from '../helpers/tolerance.js'
import { single } from '../ops/reference/precision.js'
import { rmsNorm, rmsNormBackward } from '../ops/reference/rms_norm.js'

const eps = 1e-5
// Every team of the kernel, with its rows full and ragged: a warp with 4 and 8 vectors a lane, blocks of 128, 256 and
// 512 threads; fewer rows than a block takes at once, and more.
const sizes = [
  [1, 8],
  [1000, 8],
  [65, 200],
  [17, 1024],
  [5, 1032],
  [9, 1536],
  [9, 2048],
  [9, 2560],
  [3, 4096],
  [9, 4104],
  [2, 8192],
  [1, 13_824],
  [1, 16_384],
] as const

/** What a kernel reads: numbers that bf16 holds exactly. */
const brains = (count: number, seed: number, scale = 1) => rounded(normals(count, seed, scale))
const weights = (C: number) => rounded(normals(C, 9, 0.3).map((w) => 1 + w))

describe('rms_norm on CUDA', () => {
  it.each(sizes)('agrees with the double reference, with and without delta, R %i, C %i', async (R, C) => {
    const x = brains(R * C, 1, 2)
    const weight = weights(C)
    for (const delta of [undefined, brains(R * C, 2)]) {
      const tensors: Record<string, OpTensor> = {
        x: { data: toBf16(x), shape: [R, C] },
        weight: { data: toBf16(weight), shape: [C] },
        y: { data: nanBf16(R * C), shape: [R, C] },
        rstd: { data: nans(R), shape: [R] },
        ...(delta && {
          delta: { data: toBf16(delta), shape: [R, C] },
          sum: { data: nanBf16(R * C), shape: [R, C] },
        }),
      }
      const sum = delta ? rounded(x.map((value, i) => value + delta[i]!)) : x
      const reference = rmsNorm(sum, undefined, weight, eps)
      const naive = rmsNorm(sum, undefined, weight, eps, single)
      for (const result of await runKernel('rms_norm', tensors, { eps })) {
        expectCloseBf16(result.y as Uint16Array, reference.y, rounded(naive.y), C)
        expectClose(result.rstd!, reference.rstd, naive.rstd, C)
        if (delta) expect(result.sum).toEqual(toBf16(sum))
      }
    }
  })

  it('keeps a row of zeros finite', async () => {
    const tensors = {
      x: { data: new Uint16Array(8), shape: [1, 8] },
      weight: { data: toBf16(weights(8)), shape: [8] },
      y: { data: nanBf16(8), shape: [1, 8] },
      rstd: { data: nans(1), shape: [1] },
    }
    for (const { y, rstd } of await runKernel('rms_norm', tensors, { eps })) {
      expect(Array.from(y!)).toEqual(Array(8).fill(0))
      expectClose(rstd!, [1 / Math.sqrt(eps)])
    }
  })

  it('refuses rows that are no whole vectors, or longer than its registers', async () => {
    for (const C of [12, 16_392]) {
      const tensors = {
        x: { data: nanBf16(C), shape: [1, C] },
        weight: { data: nanBf16(C), shape: [C] },
        y: { data: nanBf16(C), shape: [1, C] },
        rstd: { data: nans(1), shape: [1] },
      }
      await expect(runKernel('rms_norm', tensors, { eps })).rejects.toThrow(
        `rows have ${C} columns; on CUDA they need a multiple of 8, at most 16384`,
      )
    }
  })
})

describe('rms_norm_backward on CUDA', () => {
  // 2300 rows are more than eight for every block of the grid.
  it.each([...sizes, [2300, 8] as const])(
    'agrees with the double reference, writing and accumulating, R %i, C %i',
    async (R, C) => {
      const x = brains(R * C, 3, 2)
      const dy = brains(R * C, 4)
      const weight = weights(C)
      const rstd = Float32Array.from(rmsNorm(x, undefined, weight, eps).rstd)
      const reference = rmsNormBackward(dy, x, weight, rstd)
      const naive = rmsNormBackward(dy, x, weight, rstd, single)
      for (const accumulate of [0, 1]) {
        const before = {
          dx: accumulate ? brains(R * C, 5) : undefined,
          dweight: accumulate ? normals(C, 6) : undefined,
        }
        const added = (start: Float32Array | undefined, by: Float64Array) =>
          start ? by.map((value, i) => value + start[i]!) : by
        const tensors = {
          dy: { data: toBf16(dy), shape: [R, C] },
          x: { data: toBf16(x), shape: [R, C] },
          weight: { data: toBf16(weight), shape: [C] },
          rstd: { data: rstd, shape: [R] },
          dx: { data: before.dx ? toBf16(before.dx) : nanBf16(R * C), shape: [R, C] },
          dweight: { data: before.dweight ?? nans(C), shape: [C] },
        }
        const params = { accumulate_dx: accumulate, accumulate_dweight: accumulate }
        for (const { dx, dweight } of await runKernel('rms_norm_backward', tensors, params)) {
          expectCloseBf16(dx!, added(before.dx, reference.dx), rounded(added(before.dx, naive.dx)), C)
          expectClose(
            dweight!,
            added(before.dweight, reference.dweight),
            added(before.dweight, naive.dweight).map(single),
            R,
          )
        }
      }
    },
  )
})
