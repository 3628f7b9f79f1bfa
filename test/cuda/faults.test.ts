// What kernels find wrong in the data, and what happens to the work that was queued behind it.
import { describe, expect, it } from 'vitest'
import { Device } from '../../lib/native/device.js'
import * as ops from '../../lib/tensor/ops.js'
import { readTensor, tensor, writeTensor, type Tensor } from '../../lib/tensor/tensor.js'
import { kernelsMissing } from '../helpers/run-kernel.js'

const V = 16
const C = 64

function setUp(name: string) {
  const device = Device.create({ device: name })
  const place = (dtype: Tensor['dtype'], bytes: number, ...shape: number[]) =>
    tensor(device.allocate(bytes, dtype), 0, dtype, shape)
  const compute = device.compute
  const width = compute === 'f32' ? 4 : 2
  const ids = place('i32', 32, 1, 8)
  const table = place(compute, V * C * width, V, C)
  const y = place(compute, 8 * C * width, 8, C)
  const lookUp = device.createPlan('look up')
  ops.patchEmbedding(lookUp, { ids, table, y }, { patch: 1 })

  const flat = () => place('f32', C * 4, C)
  const [weight, gradient, m, v] = [flat(), flat(), flat(), flat()]
  const clip = place('f64', 32, 3)
  const step = place('f64', 32, 3)
  const update = device.createPlan('update')
  ops.gradNorm(update, { gradient, result: clip }, { maxNorm: 1 })
  ops.adamw(
    update,
    { weight, gradient, m, v, step, clip },
    { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  )
  return { device, ids, lookUp, update, weight, gradient, step, y }
}

describe.each(['cpu', ...(kernelsMissing ? [] : ['cuda-emu', 'cuda-emu:policy=random,seed=4'])])(
  'on %s',
  (name) => {
    it('an id outside the vocabulary is an error that names op and value; nothing behind it touches the weights', async () => {
      const { device, ids, lookUp, update, weight, gradient, step } = setUp(name)
      const ones = new Float32Array(C).fill(1)
      await Promise.all([writeTensor(weight, ones), writeTensor(gradient, ones)])
      await writeTensor(step, Float64Array.of(0.1, 0.1, 0.05))
      for (const bad of [V, -1, 2 ** 31 - 1]) {
        const queued = [
          writeTensor(ids, Int32Array.of(0, 1, 2, bad, 4, 5, 6, 7)),
          lookUp.run(),
          lookUp.run(),
          update.run(),
        ]
        const [, first, second, third] = await Promise.allSettled(queued)
        expect(first).toMatchObject({ status: 'rejected', reason: { code: 'ERR_OUT_OF_RANGE' } })
        expect((first as PromiseRejectedResult).reason.message).toMatch(
          new RegExp(`^patch_embedding: .*token id ${bad}; ids must be in 0 … ${V - 1}`),
        )
        expect([second?.status, third?.status]).toEqual(['rejected', 'rejected'])
        expect(await readTensor({ ...weight, dtype: 'f32' })).toEqual(ones)
      }
      // Once it was told of, the device is as before.
      await writeTensor(ids, new Int32Array(8))
      await lookUp.run()
      await update.run()
      expect(await readTensor({ ...weight, dtype: 'f32' })).not.toEqual(ones)
      device.dispose()
    })

    it('a run that waits while its device is disposed is rejected', async () => {
      const { device, lookUp } = setUp(name)
      const runs = Array.from({ length: 20 }, () => lookUp.run())
      device.dispose()
      const settled = await Promise.allSettled(runs)
      for (const run of settled)
        if (run.status === 'rejected') expect((run.reason as { code: string }).code).toBe('ERR_DISPOSED')
    })
  },
)

describe.skipIf(kernelsMissing)('recording for CUDA', () => {
  const device = kernelsMissing ? undefined! : Device.create({ device: 'cuda-emu' })
  const plan = kernelsMissing ? undefined! : device.createPlan('refused')
  const memory = kernelsMissing ? undefined! : device.allocate(1 << 16, 'memory')
  const at = (offset: number, dtype: Tensor['dtype'], ...shape: number[]) =>
    tensor(memory, offset, dtype, shape)

  it('refuses views that are misaligned, overlap, are of another type, or reach beyond their region', () => {
    expect(() => ops.fill(plan, at(4, 'f32', 64), 0)).toThrow(
      "fill: 'y' starts at byte 4; on this device it must be a multiple of 16",
    )
    expect(() => ops.copy(plan, at(0, 'f32', 64), at(128, 'f32', 64))).toThrow(
      "copy: 'y' is written and overlaps 'x'",
    )
    expect(() => ops.swiglu(plan, { gateUp: at(0, 'f32', 4, 32), y: at(1024, 'bf16', 4, 16) })).toThrow(
      "swiglu: tensor 'gate_up' is f32; it must be bf16",
    )
    expect(() => ops.fill(plan, at(0, 'f32', 2 ** 31), 0)).toThrow(
      'ends at byte 8589934592 of a region of 65536 bytes',
    )
    expect(() => ops.fill(plan, at(0, 'f32', 0), 0)).toThrow("dimension 0 of 'y' is 0; it must be 1 or more")
  })

  it('refuses a head that has no kernel, and a width that is no multiple of eight', () => {
    const heads = { heads: 1, kvHeads: 1, headDim: 48, positions: 4 }
    const qkv = at(0, 'bf16', 4, 144)
    expect(() =>
      ops.attention(plan, { qkv, y: at(4096, 'bf16', 4, 48), lse: at(8192, 'f32', 1, 4) }, heads),
    ).toThrow(/^attention: head_dim is 48; .*cpu/)
    const table = at(0, 'bf16', 8, 12)
    expect(() =>
      ops.patchEmbedding(
        plan,
        { ids: at(4096, 'i32', 1, 4), table, y: at(8192, 'bf16', 4, 12) },
        { patch: 1 },
      ),
    ).toThrow(/multiple of 8/)
  })
})
