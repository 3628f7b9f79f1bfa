import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadAddon } from '../../lib/native/load.js'

const folder = dirname(loadAddon().path)

/** A real device to run kernel tests on: `PATCHTRAIN_TEST_DEVICE=cuda`. */
export const realDevice = process.env['PATCHTRAIN_TEST_DEVICE']

/** Why kernel tests cannot run here; empty when they can. */
export const kernelsMissing =
  realDevice || existsSync(join(folder, 'patchtrain-cuda-emu.so'))
    ? ''
    : 'the emulator of CUDA devices is not built: npm run build:simt'

/** Whether the emulator was built with nvcc's own PTX of the kernels. */
export const hasPtx = !realDevice && existsSync(join(folder, '..', 'simt', 'ptx', 'gemm.ptx.cc'))
