import { describe, expect, it } from 'vitest'
import { dot, expectGradient } from '../helpers/central-difference.js'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { single } from './reference/precision.js'
import { swiglu, swigluBackward } from './reference/swiglu.js'

const sizes = [
  [1, 1],
  [3, 17],
  [65, 63],
  [33, 64],
  [100, 129],
] as const

describe('swiglu', () => {
  it.each(sizes)('agrees with the double reference, R %i, F %i', async (R, F) => {
    const gateUp = normals(R * 2 * F, 1, 3)
    const tensors = { gate_up: { data: gateUp, shape: [R, 2 * F] }, y: { data: nans(R * F), shape: [R, F] } }
    for (const { y } of await runEverywhere('swiglu', tensors, {}))
      expectClose(y!, swiglu(gateUp, R, F), swiglu(gateUp, R, F, single))
  })

  it('saturates without NaN for gates far from zero', async () => {
    const gateUp = new Float32Array([-1000, -100, 100, 1000, 1, 1, 1, 1])
    const tensors = { gate_up: { data: gateUp, shape: [1, 8] }, y: { data: nans(4), shape: [1, 4] } }
    for (const { y } of await runEverywhere('swiglu', tensors, {})) expectClose(y!, [0, 0, 100, 1000])
  })

  it('refuses a gate_up that is not twice as wide as y', async () => {
    const tensors = { gate_up: { data: nans(12), shape: [2, 6] }, y: { data: nans(8), shape: [2, 4] } }
    await expect(runOp('swiglu', tensors, {})).rejects.toThrow('gate_up is [2, 6]; y [2, 4] needs [R, 2F]')
  })
})

describe('swiglu_backward', () => {
  it.each(sizes)('agrees with the double reference, R %i, F %i', async (R, F) => {
    const gateUp = normals(R * 2 * F, 2, 3)
    const dy = normals(R * F, 3)
    const tensors = {
      gate_up: { data: gateUp, shape: [R, 2 * F] },
      dy: { data: dy, shape: [R, F] },
      dgate_up: { data: nans(R * 2 * F), shape: [R, 2 * F] },
    }
    for (const { dgate_up } of await runEverywhere('swiglu_backward', tensors, {}))
      expectClose(dgate_up!, swigluBackward(gateUp, dy, R, F), swigluBackward(gateUp, dy, R, F, single))
  })

  it('has a reference that is the gradient of the forward reference', () => {
    const [R, F] = [3, 5]
    const gateUp = Float64Array.from(normals(R * 2 * F, 4))
    const dy = normals(R * F, 5)
    expectGradient(swigluBackward(gateUp, dy, R, F), () => dot(swiglu(gateUp, R, F), dy), gateUp)
  })

  it('refuses gradients of another shape', async () => {
    const tensors = {
      gate_up: { data: nans(12), shape: [2, 6] },
      dy: { data: nans(6), shape: [2, 3] },
      dgate_up: { data: nans(6), shape: [1, 6] },
    }
    await expect(runOp('swiglu_backward', tensors, {})).rejects.toThrow(
      'dgate_up is [1, 6]; dy [2, 3] needs [R, 2F]',
    )
  })
})
