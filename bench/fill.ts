import type { Device } from '../lib/native/device.js'
import { convert, fillNormal } from '../lib/tensor/ops.js'
import { bytesOf, sizeOf, tensor, type Tensor } from '../lib/tensor/tensor.js'
import { integers } from '../test/helpers/random-data.js'
import type { CaseTensor } from './case.js'

/** Puts into `target` what the case wants there; `seed` tells tensors of the same shape apart. */
export async function fill(
  device: Device,
  target: Tensor,
  { filling, dtype }: CaseTensor,
  seed: number,
): Promise<void> {
  const size = sizeOf(target.shape)
  if ('normal' in filling) return fillRandom(device, target, seed, filling.normal)
  if ('idsBelow' in filling) return target.region.write(0, integers(size, filling.idsBelow, seed))
  const { values } = filling
  const data = new { f32: Float32Array, f64: Float64Array, i32: Int32Array, bf16: Uint16Array }[dtype](size)
  for (let i = 0; i < size; i++) data[i] = values[i % values.length]!
  await target.region.write(0, data)
}

/** On the device: the op draws fp32, so bf16 goes by way of a buffer. */
async function fillRandom(device: Device, target: Tensor, seed: number, std: number): Promise<void> {
  const plan = device.createPlan('random data')
  const viaFp32 = target.dtype === 'bf16'
  const scratch = viaFp32 ? device.allocate(2 * bytesOf(target), 'random data') : target.region
  const drawn = viaFp32 ? tensor(scratch, 0, 'f32', target.shape) : target
  fillNormal(plan, drawn, { seed, stream: 0, std })
  if (viaFp32) convert(plan, drawn, target)
  try {
    await plan.run()
  } finally {
    plan.dispose()
    if (viaFp32) scratch.dispose()
  }
}
