import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadAddon, packageRoot } from '../../native/load.js'
import type { CudaProbe } from '../../native/addon.js'
import type { Check } from './check.js'
import { cudaChecks } from './cuda.js'

/** What the addon says of itself when it is loaded and makes a device. */
interface Probe {
  readonly version: string
  readonly levels: readonly { readonly name: string; readonly supported: boolean }[]
  readonly level: string
  readonly threads: number
  readonly cuda: CudaProbe
}

/**
 * Loads the addon in a process of its own first: a truncated or foreign binary ends the process that loads it, and the
 * doctor must live to say so.
 */
export function addonChecks(environment: NodeJS.ProcessEnv): Check[] {
  const name = 'native addon'
  const candidates = addonCandidates(environment)
  const path = candidates.find((candidate) => existsSync(candidate))
  const build = `Build it (needs a C++17 compiler and CMake): npm run build:native (in ${packageRoot()}).`
  if (!path) {
    return [{ name, status: 'fail', found: `not found; looked for ${candidates.join(', ')}`, remedy: build }]
  }
  const probe = probeAddon(path, environment)
  if (typeof probe === 'string') {
    return [{ name, status: 'fail', found: `${path} does not work: ${probe}`, remedy: build }]
  }
  try {
    loadAddon()
  } catch (error) {
    return [{ name, status: 'fail', found: (error as Error).message, remedy: build }]
  }
  const supported = probe.levels.filter((level) => level.supported).map((level) => level.name)
  return [
    { name, status: 'ok', found: `${path}, version ${probe.version}` },
    {
      name: 'CPU kernels',
      status: 'ok',
      found: `${probe.level} in use; this processor supports ${supported.join(', ')}`,
    },
    { name: 'threads', status: 'ok', found: `${probe.threads} in use` },
    ...cudaChecks(probe.cuda),
  ]
}

/** Where the loader looks, in its order. */
function addonCandidates(environment: NodeJS.ProcessEnv): string[] {
  const override = environment.PATCHTRAIN_NATIVE_PATH
  if (override) return [override]
  return ['Release', 'Debug'].map((kind) => join(packageRoot(), 'build', kind, 'patchtrain.node'))
}

const probeSource = `
const [path, folder] = process.argv.slice(1)
const module_ = { exports: {} }
process.dlopen(module_, path)
const addon = module_.exports
const device = new addon.Device({ kind: 'cpu', folder, level: process.env.PATCHTRAIN_CPU_LEVEL ?? '', threads: Number(process.env.PATCHTRAIN_THREADS ?? 0) })
const { name: level, threads } = device.info()
let cuda
try {
  cuda = addon.probeCuda({ kind: 'cuda', folder, index: 0, cublaslt: process.env.PATCHTRAIN_CUBLASLT ?? '', emulator: '' })
} catch (error) {
  cuda = { driverVersion: 0, runtimeVersion: 0, devices: [], problem: error.message, products: '' }
}
device.dispose()
process.stdout.write(JSON.stringify({ version: addon.version, levels: addon.cpuLevels(), level, threads, cuda }))
`

/** The probe's findings, or in words why there are none. */
function probeAddon(path: string, env: NodeJS.ProcessEnv): Probe | string {
  const child = spawnSync(process.execPath, ['-e', probeSource, path, dirname(path)], {
    env,
    encoding: 'utf8',
    timeout: 30_000,
  })
  if (child.error) return child.error.message
  if (child.signal) return `loading it ends the process with ${child.signal}`
  if (child.status !== 0) return lastErrorLine(child.stderr) ?? `loading it exits with ${child.status}`
  return JSON.parse(child.stdout) as Probe
}

function lastErrorLine(stderr: string): string | undefined {
  return stderr.split('\n').find((line) => /^\w*Error\b.*: /.test(line))
}
