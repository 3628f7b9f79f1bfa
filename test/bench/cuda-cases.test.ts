import { expect, it } from 'vitest'
import { cudaCases } from '../../bench/cuda/cases.js'
import { peerRows } from '../../bench/cuda/peer-rows.js'
import { deviceSizes, emulatorSizes, middleSizes } from '../../bench/cuda/sizes.js'
import { sizeOf } from '../../lib/tensor/tensor.js'
import { runEveryOp } from '../../scripts/gpu-check/every-op.js'
import { kernelsMissing } from '../helpers/emulator.js'
import { checkedTrainingDevice } from '../helpers/run-kernel.js'

it.each([
  ['device', deviceSizes],
  ['middle', middleSizes],
  ['emulator', emulatorSizes],
])('rows of the %s sizes have names of their own and tensors that a kernel can index', (_, sizes) => {
  const names = peerRows(sizes).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, tensors } of cudaCases(sizes))
    for (const { shape } of Object.values(tensors)) {
      expect(sizeOf(shape), name).toBeLessThan(2 ** 31)
      expect(
        shape.every((n) => Number.isInteger(n) && n > 0),
        name,
      ).toBe(true)
    }
})

it('measures every op of a training step', () => {
  const ops = new Set(cudaCases(deviceSizes).flatMap(({ commands }) => commands.map(({ op }) => op)))
  expect([...ops].sort()).toEqual([
    'adamw',
    'attention',
    'attention_backward',
    'cross_entropy',
    'gemm',
    'grad_norm',
    'patch_embedding',
    'patch_embedding_backward',
    'rms_norm',
    'rms_norm_backward',
    'rope',
    'swiglu',
    'swiglu_backward',
  ])
})

it.skipIf(kernelsMissing)('records and runs every row on the emulator, which finds nothing', async () => {
  await runEveryOp(checkedTrainingDevice, emulatorSizes, [])
})
