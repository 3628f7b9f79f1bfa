// Plans that run again are graphs, which hold the workspace's address.
import { describe, expect, it } from 'vitest'
import { Device } from '../../lib/native/device.js'
import * as ops from '../../lib/tensor/ops.js'
import { readTensor, tensor, writeTensor, type Tensor } from '../../lib/tensor/tensor.js'
import { kernelsMissing } from '../helpers/run-kernel.js'

/** A plan that takes the norm of n numbers; its workspace has eight bytes for every 32768 of them. */
function normPlan(device: Device, n: number) {
  const place = <T extends Tensor['dtype']>(dtype: T, bytes: number, length: number) => ({
    ...tensor(device.allocate(bytes, dtype), 0, dtype, [length]),
    dtype,
  })
  const gradient = place('f32', 4 * n, n)
  const result = place('f64', 32, 3)
  const plan = device.createPlan(`norm of ${n}`)
  ops.gradNorm(plan, { gradient, result }, { maxNorm: 0 })
  return async (value: number) => {
    await writeTensor(gradient, new Float32Array(n).fill(value))
    await plan.run()
    const [norm] = await readTensor(result)
    return norm
  }
}

describe.skipIf(kernelsMissing)('a plan that ran before', () => {
  it('gives right results from its graph, also after another plan needed a larger workspace', async () => {
    const device = Device.create({ device: 'cuda-emu:policy=sequential,check' })
    try {
      const small = normPlan(device, 100)
      for (const value of [1, 2, 3]) expect(await small(value)).toBe(10 * value) // the third is the graph's second run
      const hungry = normPlan(device, 40_000)
      expect(await hungry(0.5)).toBe(100)
      for (const value of [4, 5]) expect(await small(value), 'its old workspace is gone').toBe(10 * value)
      expect(await hungry(1), 'now a graph too').toBe(200)
    } finally {
      device.dispose()
    }
  })
})
