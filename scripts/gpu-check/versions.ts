import { Device } from '../../lib/native/device.js'
import { dirname } from 'node:path'
import { cudaOptions, probeCuda } from '../../lib/native/choose-device.js'
import { loadAddon } from '../../lib/native/load.js'
import type { Lines } from './lines.js'

/** What our own build finds; nvidia-smi, nvcc and torch are asked by the shell script. */
export function sayVersions(name: string, lines: Lines): void {
  const { addon, path } = loadAddon()
  const device = Device.create({ device: name })
  const { free, total } = device.memory()
  const [kind = '', ...emulator] = name.split(':')
  const options = cudaOptions(
    dirname(path),
    kind === 'cuda' ? kind : 'cuda-emu',
    kind === 'cuda' ? '' : emulator.join(' ').replaceAll(',', ' '),
  )
  const { driverVersion, runtimeVersion, devices } = probeCuda(addon, options)
  lines.add({
    name: 'our build',
    ok: true,
    version: addon.version,
    found: device.describe(),
    capability: devices[0]?.capability,
    driver_cuda: driverVersion / 1000,
    built_with_cuda: runtimeVersion / 1000,
    free_gib: free / 2 ** 30,
    total_gib: total / 2 ** 30,
    products: device.notes().join('; '),
    node: process.version,
  })
  device.dispose()
}
