// What makes PyTorch faster than it is out of the box, found by trying (README.md has what each is worth).
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface TorchSettings {
  readonly env: Readonly<Record<string, string>>
  /** For people: what was set, or could not be. */
  readonly notes: readonly string[]
}

/** @param folder for temporary files */
export function torchSettings(folder: string): TorchSettings {
  // Else glibc hands large blocks back to the system, and every step pays for zeroed pages anew. Takes more memory.
  const env: Record<string, string> = {
    GLIBC_TUNABLES: 'glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776',
  }
  const notes = ['glibc keeps the memory that torch frees']
  if (process.arch === 'x64' && !isIntel()) {
    const library = believeIntel(folder)
    if (library) env['LD_PRELOAD'] = library
    notes.push(
      library
        ? 'MKL is made to take this CPU for an Intel one, which has the faster kernels'
        : 'MKL as it is: there is no C compiler to build what makes it take this CPU for an Intel one',
    )
  }
  return { env, notes }
}

function isIntel(): boolean {
  return readFileSync('/proc/cpuinfo', 'utf8').includes('GenuineIntel')
}

/** A library that answers MKL's question for an Intel CPU with yes; undefined without a C compiler. */
function believeIntel(folder: string): string | undefined {
  const source = join(folder, 'mkl-intel.c')
  const library = join(folder, 'mkl-intel.so')
  writeFileSync(source, 'int mkl_serv_intel_cpu_true(void) { return 1; }\n')
  return spawnSync('cc', ['-shared', '-fPIC', '-o', library, source]).status === 0 ? library : undefined
}
