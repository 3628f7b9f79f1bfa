import { expect, it } from 'vitest'
import { Device } from '../../lib/native/device.js'
import { kernelsMissing } from '../helpers/run-kernel.js'

it.skipIf(kernelsMissing)('measures a copy and a product on the device', async () => {
  const device = Device.create({ device: 'cuda-emu:memory=2000000' })
  const { bytesPerSecond, flopsPerSecond } = await device.measureCeilings()
  expect(bytesPerSecond).toBeGreaterThan(0)
  expect(flopsPerSecond).toBeGreaterThan(0)
  device.dispose()
})
