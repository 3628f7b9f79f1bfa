import { accessSync, constants, statfsSync } from 'node:fs'
import os from 'node:os'
import { bytes } from '../../report/format.js'
import type { Check } from './check.js'

/** What the host itself offers, the addon apart. */
export function hostChecks(folder: string): Check[] {
  return [node(process.versions.node), system(), processor(), memory(), workingFolder(folder)]
}

export function node(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const good = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22
  return good
    ? { name: 'Node.js', status: 'ok', found: version }
    : {
        name: 'Node.js',
        status: 'fail',
        found: version,
        remedy: 'Install Node.js 20.19 or newer, 22.12 or newer.',
      }
}

function system(): Check {
  const glibc = glibcVersion()
  const library = process.platform === 'linux' ? `, ${glibc ? `glibc ${glibc}` : 'no glibc'}` : ''
  const found = `${os.type()} ${os.release()} ${process.arch}${library}`
  const known = ['x64', 'arm64'].includes(process.arch) && ['linux', 'darwin'].includes(process.platform)
  return known
    ? { name: 'system', status: 'ok', found }
    : {
        name: 'system',
        status: 'warn',
        found,
        remedy: 'Tested on Linux and macOS, x64 and arm64. Here the addon must be built from source.',
      }
}

function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime
}

function processor(): Check {
  const model = os.cpus()[0]?.model.trim() ?? 'unknown'
  return {
    name: 'processor',
    status: 'ok',
    found: `${model}, ${os.availableParallelism()} threads available`,
  }
}

const smallMemory = 2 * 2 ** 30

function memory(): Check {
  const limit = process.constrainedMemory()
  const total = limit > 0 && limit < os.totalmem() ? limit : os.totalmem()
  const found = `${bytes(os.freemem())} free of ${bytes(total)}${total < os.totalmem() ? ' (limited by the container)' : ''}`
  return total >= smallMemory
    ? { name: 'memory', status: 'ok', found }
    : {
        name: 'memory',
        status: 'warn',
        found,
        remedy: 'Keep to the 1m and 3m presets, and a small --micro-batch.',
      }
}

const smallDisk = 2 ** 30

function workingFolder(folder: string): Check {
  const name = 'working folder'
  try {
    accessSync(folder, constants.W_OK)
  } catch {
    return {
      name,
      status: 'fail',
      found: `${folder} is not writable`,
      remedy: 'Change to a folder of your own, or set --out and PATCHTRAIN_CACHE.',
    }
  }
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const found = `${folder}, ${bytes(free)} free`
  return free >= smallDisk
    ? { name, status: 'ok', found }
    : {
        name,
        status: 'warn',
        found,
        remedy: 'A checkpoint takes 12 bytes a parameter. Free some space, or set --out elsewhere.',
      }
}
