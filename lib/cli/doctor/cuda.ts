import { existsSync } from 'node:fs'
import type { CudaProbe } from '../../native/addon.js'
import { bytes } from '../../report/format.js'
import type { Check } from './check.js'

const name = 'CUDA'

/** What the CUDA backend finds. A host without a GPU is in order; a GPU that cannot be used is worth a warning. */
export function cudaChecks(probe: CudaProbe, hasGpu = existsSync('/dev/nvidia0')): Check[] {
  const { driverVersion, runtimeVersion, devices, problem, products } = probe
  const versions = [
    runtimeVersion > 0
      ? `kernels built with CUDA ${cudaVersion(runtimeVersion)}`
      : 'no CUDA kernels in this build',
    driverVersion > 0 ? `driver for CUDA ${cudaVersion(driverVersion)}` : 'no driver',
  ].join(', ')
  if (problem !== '') {
    const found = `not used (${versions}): ${problem}`
    return [hasGpu ? { name, status: 'warn', found, remedy: remedyOf(probe) } : { name, status: 'ok', found }]
  }
  return [
    { name, status: 'ok', found: versions },
    ...devices.map(({ name: gpu, capability, memoryBytes }, index): Check => ({
      name: `cuda:${index}`,
      ...(Number.parseInt(capability) >= 8
        ? { status: 'ok' }
        : { status: 'warn', remedy: 'The kernels need compute capability 8.0 (A100, RTX 30) or newer.' }),
      found: `${gpu}, compute capability ${capability}, ${bytes(memoryBytes)}`,
    })),
    productsCheck(products),
  ]
}

function productsCheck(found: string): Check {
  const own = !found.includes('cuBLASLt')
  const base = { name: 'matrix products', found }
  if (!own) return { ...base, status: 'ok' }
  return {
    ...base,
    status: 'warn',
    remedy:
      'Training works, but slower. Install cuBLAS (it comes with the CUDA toolkit, or pip install nvidia-cublas), or point PATCHTRAIN_CUBLASLT at libcublasLt.so.13.',
  }
}

function remedyOf({ driverVersion, runtimeVersion }: CudaProbe): string {
  if (runtimeVersion === 0)
    return 'Install a CUDA toolkit of 12.4 or newer and build again: npm run build:native.'
  if (driverVersion === 0) return 'Install the NVIDIA driver of this GPU; nvidia-smi then shows it.'
  return 'Install a newer NVIDIA driver, and check that nvidia-smi shows the GPU.'
}

/** 13000 is 13.0. */
function cudaVersion(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`
}
