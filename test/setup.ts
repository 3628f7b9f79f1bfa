import { loadAddon } from '../lib/native/load.js'

/** Fails once, with the loader's own diagnosis, instead of in every test; says what will be left out. */
export default async function setup(): Promise<void> {
  loadAddon()
  const { hasPtx, kernelsMissing, realDevice } = await import('./helpers/emulator.js')
  if (kernelsMissing) console.warn(`\nCUDA kernels are NOT tested: ${kernelsMissing}\n`)
  else if (!realDevice && !hasPtx)
    console.warn("\nThe kernels' device code is NOT tested: nvcc was not found when the emulator was built\n")
}
