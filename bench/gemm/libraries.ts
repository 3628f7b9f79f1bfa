import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../lib/native/load.js'
import type { Entrant } from '../peers/cpu/race.js'
import type { Task } from '../peers/cpu/protocol.js'

const eigenHeaders = '/usr/include/eigen3'

/**
 * Compiles libraries.cc for this CPU.
 * @returns the path of the program
 * @throws {Error} when there is no compiler, or it fails
 */
export function compileLibraries(folder: string): string {
  const source = join(packageRoot(), 'bench', 'gemm', 'libraries.cc')
  const program = join(folder, 'libraries')
  const eigen = existsSync(join(eigenHeaders, 'Eigen', 'Core'))
    ? ['-DWITH_EIGEN', '-isystem', eigenHeaders]
    : []
  const flags = ['-O3', '-march=native', '-fopenmp', '-std=c++17', '-w', ...eigen]
  const { status, stderr, error } = spawnSync('g++', [...flags, source, '-o', program, '-ldl'], {
    encoding: 'utf8',
  })
  if (error) throw new Error(`the libraries need g++ (apt install g++): ${error.message}`)
  if (status !== 0) throw new Error(`g++ cannot compile bench/gemm/libraries.cc:\n${stderr.trim()}`)
  return program
}

/** The system's libraries on one product. */
export function libraryEntrants(program: string, task: Task): Entrant[] {
  const { m, n, k, transA, transB } = task.dims
  const sizes = [m, n, k, transA, transB, task.warmUps, task.repeats].map(String)
  const entrant = (name: string, library: string, env: Record<string, string> = {}): Entrant => ({
    name,
    program: {
      command: program,
      args: [library, String(task.threads), ...sizes, task.inputs],
      env: { OMP_NUM_THREADS: String(task.threads), OPENBLAS_NUM_THREADS: String(task.threads), ...env },
    },
  })
  const core = bestOpenBlasCore()
  return [
    entrant('OpenBLAS', 'openblas'),
    // It goes by the CPU's model and falls far below its best on one that it does not know.
    ...(core ? [entrant(`OpenBLAS as ${core}`, 'openblas', { OPENBLAS_CORETYPE: core })] : []),
    entrant('oneDNN', 'onednn'),
    entrant('Eigen', 'eigen'),
  ]
}

/** The x86-64 kernels of OpenBLAS for what this CPU can do; undefined elsewhere. */
function bestOpenBlasCore(): string | undefined {
  const flags = new Set(
    readFileSync('/proc/cpuinfo', 'utf8')
      .match(/^flags\s*:.*$/m)?.[0]
      .split(/\s+/),
  )
  if (flags.has('avx512bw') && flags.has('avx512vl') && flags.has('avx512dq')) return 'SkylakeX'
  return flags.has('avx2') && flags.has('fma') ? 'Haswell' : undefined
}
