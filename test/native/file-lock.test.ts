import fc from '../helpers/property.js'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { loadAddon } from '../../lib/native/load.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/* The raw lock, below the typed layer: who excludes whom, and what hostile arguments and paths do. */

const { addon, path: addonPath } = loadAddon()

function codeOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

/** A process that locks `path` and says so, then waits to be killed. */
async function holder(path: string) {
  const script = `new (require(process.argv[1]).FileLock)(process.argv[2]).write('held'); console.log('ready'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['-e', script, addonPath, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

describe('a lock', () => {
  it('excludes a second one in the same process until it is released', () => {
    const path = join(temporaryFolder(), 'lock')
    const first = new addon.FileLock(path)
    expect(codeOf(() => new addon.FileLock(path))).toBe('ERR_LOCKED')
    first.release()
    first.release()
    const second = new addon.FileLock(path)
    expect(codeOf(() => first.write('x'))).toBe('ERR_DISPOSED')
    second.release()
  })

  it('survives that the same file is read and written through other descriptors', () => {
    const path = join(temporaryFolder(), 'lock')
    const lock = new addon.FileLock(path)
    expect(lock.write('note')).toBe(true)
    expect(lock.write('no')).toBe(true)
    expect(readFileSync(path, 'utf8')).toBe('no')
    writeFileSync(path, 'else')
    expect(codeOf(() => new addon.FileLock(path))).toBe('ERR_LOCKED')
    lock.release()
  })

  it('of another process excludes us, and goes with it, however it is killed', async () => {
    const path = join(temporaryFolder(), 'lock')
    const child = await holder(path)
    expect(codeOf(() => new addon.FileLock(path))).toBe('ERR_LOCKED')
    child.kill('SIGKILL')
    await once(child, 'close')
    new addon.FileLock(path).release()
  })

  it('is not handed down to the processes that its holder starts', () => {
    const path = join(temporaryFolder(), 'lock')
    // The grandchild lives on when the holder is gone.
    const script = `
      const { FileLock } = require(process.argv[1])
      globalThis.lock = new FileLock(process.argv[2])
      const child = require('child_process').spawn('sleep', ['60'], { stdio: 'ignore', detached: true })
      console.log(child.pid)
      process.exit(0)`
    const pid = Number(
      execFileSync(process.execPath, ['-e', script, addonPath, path], { encoding: 'utf8' }),
    )
    try {
      new addon.FileLock(path).release()
    } finally {
      process.kill(pid, 'SIGKILL')
    }
  })

  it('goes when its object is collected, and when the worker thread that holds it ends', async () => {
    const path = join(temporaryFolder(), 'lock')
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    ;(() => void new addon.FileLock(path))()
    for (let i = 0; i < 100 && codeOf(() => new addon.FileLock(path).release()) !== undefined; i++) {
      collect()
      await setTimeout(10)
    }
    new addon.FileLock(path).release()

    const script = `
      const { workerData, parentPort } = require('node:worker_threads')
      globalThis.lock = new (require(workerData[0]).FileLock)(workerData[1])
      parentPort.postMessage('ready')
      setInterval(() => {}, 1000)`
    const worker = new Worker(script, { eval: true, workerData: [addonPath, path] })
    await once(worker, 'message')
    expect(codeOf(() => new addon.FileLock(path))).toBe('ERR_LOCKED')
    await worker.terminate()
    new addon.FileLock(path).release()
  })

  it('is taken by exactly one of many who come at once', async () => {
    const path = join(temporaryFolder(), 'lock')
    const script = `
      try { globalThis.lock = new (require(process.argv[1]).FileLock)(process.argv[2]); console.log('mine') }
      catch (error) { console.log(error.code) }
      process.stdin.once('end', () => process.exit()).resume()`
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['-e', script, addonPath, path], { stdio: ['pipe', 'pipe', 'inherit'] }),
    )
    const said = await Promise.all(children.map(async ({ stdout }) => String((await once(stdout, 'data'))[0])))
    for (const child of children) child.stdin.end()
    expect(said.sort()).toEqual([...Array<string>(5).fill('ERR_LOCKED\n'), 'mine\n'])
  })
})

describe('a path that is no place for a lock is refused by a typed error', () => {
  it.each<[string, (path: string) => void, string]>([
    ['a folder', (path) => mkdirSync(path), 'ERR_NOT_A_FILE'],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), 'ERR_NOT_A_FILE'],
    ['a link to a file', (path) => writeFileSync(`${path}.target`, 'mine') ?? symlinkSync(`${path}.target`, path), 'ERR_NOT_A_FILE'],
    ['in no folder', (path) => rmSync(join(path, '..'), { recursive: true }), 'ERR_OPEN_FAILED'],
  ])('%s', (_, prepare, code) => {
    const path = join(temporaryFolder(), 'lock')
    prepare(path)
    expect(codeOf(() => new addon.FileLock(path))).toBe(code)
    if (existsSync(`${path}.target`)) expect(readFileSync(`${path}.target`, 'utf8')).toBe('mine')
  })

  it('anything that JavaScript can make', () => {
    const nothing = new (addon.FileLock as unknown as new (path: unknown) => object)(join(temporaryFolder(), 'l'))
    const anything = fc.oneof(
      fc.anything({ withBigInt: true, withTypedArray: true, withDate: true }).filter((x) => typeof x !== 'string'),
      fc.constantFrom<unknown>('', 'a\0b', '/', '/proc/self/fd/', Symbol('s'), addon.FileLock, nothing),
    )
    const create = addon.FileLock as unknown as new (path: unknown) => object
    fc.assert(
      fc.property(anything, (path) => {
        expect(codeOf(() => new create(path))).toMatch(/^ERR_(INVALID_ARGUMENT|NOT_A_FILE|OPEN_FAILED)$/)
      }),
    )
    expect(() => (addon.FileLock as unknown as () => void)()).toThrow()
  })

  it('methods survive any receiver and any argument', () => {
    const lock = new addon.FileLock(join(temporaryFolder(), 'lock'))
    const prototype = addon.FileLock.prototype as unknown as Record<string, (...args: unknown[]) => unknown>
    for (const receiver of [undefined, null, 1, {}, new Map(), Object.create(addon.FileLock.prototype), addon]) {
      expect(() => prototype['write']!.call(receiver, 'x')).toThrow()
      expect(() => prototype['release']!.call(receiver)).toThrow()
    }
    fc.assert(
      fc.property(fc.anything({ withBigInt: true }).filter((x) => typeof x !== 'string'), (text) => {
        expect(codeOf(() => lock.write(text as string))).toBe('ERR_INVALID_ARGUMENT')
      }),
    )
    lock.release()
  })
})
