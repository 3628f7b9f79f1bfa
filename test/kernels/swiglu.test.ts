import { describe, expect, it } from 'vitest'
import { fromBf16, nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { expectCloseBf16 } from '../helpers/tolerance.js'
import { single } from '../ops/reference/precision.js'
import { swiglu, swigluBackward } from '../ops/reference/swiglu.js'

// A block takes 256 vectors of eight: less than one block, whole blocks, a ragged last one.
const sizes = [
  [1, 8],
  [17, 64],
  [64, 128],
  [65, 200],
  [257, 8],
  [3, 1000],
] as const

describe('swiglu on CUDA', () => {
  it.each(sizes)('agrees with the double reference, R %i, F %i', async (R, F) => {
    const gateUp = rounded(normals(R * 2 * F, 1, 3))
    const tensors = {
      gate_up: { data: toBf16(gateUp), shape: [R, 2 * F] },
      y: { data: nanBf16(R * F), shape: [R, F] },
    }
    for (const { y } of await runKernel('swiglu', tensors, {}))
      expectCloseBf16(y!, swiglu(gateUp, R, F), rounded(swiglu(gateUp, R, F, single)))
  })

  it('saturates without NaN for gates far from zero', async () => {
    const gates = [-1e38, -1000, -100, -88, 88, 100, 1000, 1e38]
    const gateUp = toBf16([...gates, ...Array<number>(8).fill(1)])
    const tensors = { gate_up: { data: gateUp, shape: [1, 16] }, y: { data: nanBf16(8), shape: [1, 8] } }
    for (const { y } of await runKernel('swiglu', tensors, {})) {
      const values = Array.from(fromBf16(y!))
      expect(values.slice(0, 4).every((v) => v <= 0 && v > -1e-30)).toBe(true)
      expect(values.slice(4)).toEqual(Array.from(rounded(gates.slice(4))))
    }
  })

  it('refuses a width that is no whole number of vectors', async () => {
    const tensors = {
      gate_up: { data: nanBf16(24), shape: [1, 24] },
      y: { data: nanBf16(12), shape: [1, 12] },
    }
    await expect(runKernel('swiglu', tensors, {})).rejects.toThrow(
      'F is 12; on CUDA it needs a multiple of 8',
    )
  })
})

describe('swiglu_backward on CUDA', () => {
  it.each(sizes)('agrees with the double reference, R %i, F %i', async (R, F) => {
    const gateUp = rounded(normals(R * 2 * F, 2, 3))
    const dy = rounded(normals(R * F, 3))
    const tensors = {
      gate_up: { data: toBf16(gateUp), shape: [R, 2 * F] },
      dy: { data: toBf16(dy), shape: [R, F] },
      dgate_up: { data: nanBf16(R * 2 * F), shape: [R, 2 * F] },
    }
    const reference = swigluBackward(gateUp, dy, R, F)
    const naive = rounded(swigluBackward(gateUp, dy, R, F, single))
    for (const { dgate_up } of await runKernel('swiglu_backward', tensors, {}))
      expectCloseBf16(dgate_up!, reference, naive)
  })
})
