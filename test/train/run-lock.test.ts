import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadAddon } from '../../lib/native/load.js'
import { runFolder } from '../../lib/train/run-folder.js'
import { lockRun } from '../../lib/train/run-lock.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const fresh = () => runFolder(join(temporaryFolder(), 'deep', 'run'))

describe('a run folder', () => {
  it('belongs to one trainer at a time, also in one process, and the refusal names who has it', async () => {
    const folder = fresh()
    const lock = await lockRun(folder)
    await expect(lockRun(folder)).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringContaining(`in use by process ${process.pid} on ${hostname()}. Wait`) as string,
    })
    await lock.release()
    await lock.release()
    await (await lockRun(folder)).release()
  })

  it('is free again when its holder is killed; what the dead wrote into the file, our own number too, is no lock', async () => {
    const folder = fresh()
    mkdirSync(folder.path, { recursive: true })
    const path = join(folder.path, 'lock')
    const script = `globalThis.lock = new (require(process.argv[1]).FileLock)(process.argv[2])
      console.log('ready'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['-e', script, loadAddon().path, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await expect(lockRun(folder)).rejects.toThrow(/in use by another process\./)
    child.kill('SIGKILL')
    await once(child, 'close')
    for (const left of [`process ${process.pid} on ${hostname()}\n`, '1\n', '']) {
      writeFileSync(path, left)
      const lock = await lockRun(folder)
      expect(readFileSync(path, 'utf8')).toBe(`process ${process.pid} on ${hostname()}\n`)
      await lock.release()
      expect(readFileSync(path, 'utf8')).toBe('')
    }
  })

  it('that cannot be locked is refused as something that cannot be written', async () => {
    const folder = fresh()
    mkdirSync(join(folder.path, 'lock'), { recursive: true })
    await expect(lockRun(folder)).rejects.toMatchObject({ code: 'ERR_SAVE' })

    const linked = fresh()
    mkdirSync(linked.path, { recursive: true })
    const elsewhere = join(temporaryFolder(), 'precious')
    writeFileSync(elsewhere, 'text')
    symlinkSync(elsewhere, join(linked.path, 'lock'))
    await expect(lockRun(linked)).rejects.toMatchObject({ code: 'ERR_SAVE' })
    expect(readFileSync(elsewhere, 'utf8')).toBe('text')
  })
})

describe('PATCHTRAIN_NO_LOCK=1', () => {
  afterEach(() => void delete process.env['PATCHTRAIN_NO_LOCK'])

  it('leaves it to the user', async () => {
    process.env['PATCHTRAIN_NO_LOCK'] = '1'
    const folder = fresh()
    await lockRun(folder)
    await (await lockRun(folder)).release()
  })
})
