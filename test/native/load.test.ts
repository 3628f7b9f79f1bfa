import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../helpers/tiny-run.js'

/** The loader as a new process sees it: nothing loaded yet. */
async function freshLoader() {
  vi.resetModules()
  return import('../../lib/native/load.js')
}

afterEach(() => vi.unstubAllEnvs())

describe('loading the addon', () => {
  it('finds what the build made, with a level of kernels beside it', async () => {
    const { loadAddon } = await freshLoader()
    const { addon, path } = loadAddon()
    expect(path).toMatch(/patchtrain\.node$/)
    expect(addon.cpuLevels().some((level) => level.supported)).toBe(true)
  })

  it('a path that does not exist is named, with what to do', async () => {
    vi.stubEnv('PATCHTRAIN_NATIVE_PATH', '/nowhere/patchtrain.node')
    const { loadAddon } = await freshLoader()
    expect(loadAddon).toThrow(/PATCHTRAIN_NATIVE_PATH=\/nowhere\/patchtrain\.node could not be loaded.*Unset/s)
  })

  it('a file that is no addon is an error, not a crash', async () => {
    const file = join(temporaryFolder(), 'patchtrain.node')
    writeFileSync(file, 'not an ELF file')
    vi.stubEnv('PATCHTRAIN_NATIVE_PATH', file)
    const { loadAddon } = await freshLoader()
    expect(() => loadAddon()).toThrow(expect.objectContaining({ code: 'ERR_NO_BINARY' }))
  })
})

describe('choosing a device', () => {
  it('what cannot be had is said, never replaced in silence', async () => {
    const { Device } = await import('../../lib/native/device.js')
    for (const device of ['cuda', 'cuda:1'])
      expect(() => Device.create({ device })).toThrow(expect.objectContaining({ code: 'ERR_DEVICE' }))
    expect(() => Device.create({ level: 'avx1024' })).toThrow(/no CPU level of that name/)
  })
})
