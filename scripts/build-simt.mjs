// Builds the emulator of CUDA devices, for tests only: build/Release/patchtrain-cuda-emu.so and its self-test.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const build = join(root, 'build', 'simt')

function cmake(args) {
  const result = spawnSync('cmake', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (result.status === 0) return result
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}\n`)
  process.stderr.write(`The emulator could not be built: cmake ${args.join(' ')}\n`)
  process.exit(1)
}

console.error('building the emulator of CUDA devices (a few minutes the first time) …')
const started = Date.now()
const configured = cmake(['-S', join('native', 'simt'), '-B', build, ...process.argv.slice(2)])
if (/PTX mode is left out/.test(configured.stderr))
  console.error(
    'nvcc was not found: PTX mode is left out, so the device code of the kernels is not tested here',
  )
cmake(['--build', build, '--parallel', String(availableParallelism())])
console.error(`built the emulator in ${Math.round((Date.now() - started) / 1000)} s`)
