import { describe, expect, it } from 'vitest'
import type { DType } from '../../lib/native/addon.js'
import { Device, type Region } from '../../lib/native/device.js'
import { toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { checkedTrainingDevice, runKernel, trainingDevice } from '../helpers/run-kernel.js'
import { runOp } from '../helpers/run-op.js'
import { guardCases, guardedTensors } from '../ops/reference/update-guards.js'

const tensorsOf = (gradient: Float32Array) => ({
  gradient: { data: gradient, shape: [gradient.length] },
  result: { data: new Float64Array(3).fill(NaN), shape: [3] },
})
const normOf = (gradient: Float32Array) => Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0))

describe('grad_norm on CUDA', () => {
  // 32768 elements are a block.
  it.each([1, 17, 63, 32_768, 32_769, 100_003])('gives the norm of %i elements in double', async (n) => {
    const gradient = normals(n, 1)
    const norm = normOf(gradient)
    for (const { result } of await runKernel('grad_norm', tensorsOf(gradient), { max_norm: 1 })) {
      expect(result![0]! / norm).toBeCloseTo(1, 12)
      expect(result![1]! / Math.min(1, 1 / (norm + 1e-6))).toBeCloseTo(1, 12)
      expect(result![2]).toBe(1)
    }
  })

  it('adds up the sums of more blocks than the last step has threads', async () => {
    const gradient = new Float32Array(1024 * 32_768 + 1)
    gradient[0] = 4
    gradient[gradient.length - 1] = 3
    const { result } = await runOp(
      'grad_norm',
      tensorsOf(gradient),
      { max_norm: 0 },
      { device: trainingDevice },
    )
    expect(Array.from(result!)).toEqual([5, 1, 1])
  })

  it('does not clip a norm below the limit, nor any norm when the limit is 0', async () => {
    for (const max_norm of [0, 1e9])
      for (const { result } of await runKernel('grad_norm', tensorsOf(normals(30, 2)), { max_norm }))
        expect(result![1]).toBe(1)
  })

  it('does not overflow where the square does not fit fp32', async () => {
    const gradient = new Float32Array(100).fill(3e38)
    for (const { result } of await runKernel('grad_norm', tensorsOf(gradient), { max_norm: 1 })) {
      expect(result![0]! / normOf(gradient)).toBeCloseTo(1, 12)
      expect(result![2]).toBe(1)
    }
  })

  it.each([NaN, Infinity, -Infinity])('flags a single %f wherever it stands', async (bad) => {
    for (const position of [0, 32_767, 40_000]) {
      const gradient = normals(40_001, 3)
      gradient[position] = bad
      for (const { result } of await runKernel('grad_norm', tensorsOf(gradient), { max_norm: 1 }))
        expect(Array.from(result!.subarray(1))).toEqual([0, 0])
    }
  })

  it.each(guardCases)('$name: apply is $apply', async (guarded) => {
    for (const { result } of await runKernel('grad_norm', guardedTensors(guarded), { max_norm: 1 })) {
      const scale = guarded.apply === 1 ? 1 / (5 + 1e-6) : 0
      expect(Array.from(result!.subarray(1))).toEqual([scale, guarded.apply])
    }
  })

  it('tells the norm of an update that it does not let through', async () => {
    const tensors = guardedTensors({ gradient: [3, 4], loss: 7, limits: [6, 4] })
    for (const { result } of await runKernel('grad_norm', tensors, { max_norm: 1 }))
      expect(Array.from(result!)).toEqual([5, 0, 0])
  })

  it('does not apply when a kernel before it found a fault, so that adamw keeps the weights', async () => {
    const device = Device.create({ device: checkedTrainingDevice })
    try {
      const place = async (name: string, dtype: DType, data: NodeJS.TypedArray, shape = [data.length]) => {
        const region = device.allocate(data.byteLength, name)
        await region.write(0, data)
        return { region, argument: { region: region.id, offset: 0, dtype, shape } }
      }
      const x = await place('x', 'bf16', toBf16(normals(16, 1)), [1, 16])
      const table = await place('table', 'f32', normals(8, 2), [1, 8])
      const position = await place('position', 'i32', Int32Array.of(5))
      const gradient = await place('gradient', 'f32', normals(64, 3))
      const result = await place('result', 'f64', new Float64Array(3).fill(NaN))
      const weight = await place('weight', 'f32', normals(64, 4))
      const m = await place('m', 'f32', new Float32Array(64))
      const v = await place('v', 'f32', new Float32Array(64))
      const step = await place('step', 'f64', Float64Array.of(0.1, 0.1, 0.05))

      const plan = device.createPlan('a step on a bad batch')
      plan.record(
        'rope',
        { x: x.argument, cos: table.argument, sin: table.argument, position: position.argument },
        { heads: 1, head_dim: 16, positions: 1, inverse: 0 },
      )
      plan.record('grad_norm', { gradient: gradient.argument, result: result.argument }, { max_norm: 0 })
      plan.record(
        'adamw',
        {
          weight: weight.argument,
          gradient: gradient.argument,
          m: m.argument,
          v: v.argument,
          step: step.argument,
          clip: result.argument,
        },
        { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 },
      )
      await expect(plan.run()).rejects.toThrow('rope: position 5 is outside 0 … 0')

      const read = async ({ region }: { region: Region }) => await region.read(0, region.bytes)
      expect(Array.from(new Float64Array(await read(result))).slice(1)).toEqual([0, 0])
      expect(new Float32Array(await read(weight))).toEqual(normals(64, 4))
      expect(new Float32Array(await read(m))).toEqual(new Float32Array(64))
      expect(new Uint16Array(await read(x)), 'rows without a position').toEqual(toBf16(normals(16, 1)))
    } finally {
      device.dispose()
    }
  })
})
