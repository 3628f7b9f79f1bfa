import { mkdir, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { ConfigError, NativeError, SaveError } from '../errors.js'
import { FileLock } from '../native/file-lock.js'
import type { RunFolder } from './run-folder.js'

export interface RunLock {
  /** Idempotent. */
  release(): Promise<void>
}

/** Set to 1 where the file system has no locks and the user sees to it that only one process trains in a folder. */
const withoutLock = 'PATCHTRAIN_NO_LOCK'

/**
 * Keeps a run folder to one trainer: two would write over each other's checkpoints. The kernel holds the lock on the file
 * `lock` and drops it when the process ends, however it ends; so it is never left behind, and the file, which stays, may
 * not be removed while a run goes on. In it stands who holds it.
 * @throws {ConfigError} naming the process that holds the folder
 * @throws {SaveError} when the folder cannot be written, or its file system has no locks
 */
export async function lockRun(folder: RunFolder): Promise<RunLock> {
  await mkdir(folder.path, { recursive: true }).catch((cause: Error) => {
    throw new SaveError(
      `Cannot make the run folder ${folder.path}: ${cause.message}. Choose another (out).`,
      { cause },
    )
  })
  const path = resolve(folder.path, 'lock')
  if (process.env[withoutLock] === '1') return { release: () => Promise.resolve() }
  const lock = await take(path, folder)
  lock.write(`process ${process.pid} on ${hostname()}\n`)
  let held = true
  return {
    release() {
      if (held) {
        held = false
        lock.write('')
        lock.release()
      }
      return Promise.resolve()
    },
  }
}

async function take(path: string, folder: RunFolder): Promise<FileLock> {
  try {
    return new FileLock(path)
  } catch (cause) {
    if (!(cause instanceof NativeError)) throw cause
    switch (cause.code) {
      case 'ERR_LOCKED':
        throw new ConfigError(
          `${folder.path} is in use by ${await holderIn(path)}. Wait for it, stop it, or choose another folder (out).`,
          { path: 'out', cause },
        )
      case 'ERR_NO_LOCKS':
        throw new SaveError(
          `Cannot lock the run folder ${folder.path}: ${cause.message}. Its file system has no locks: mount it with them, choose ` +
            `another folder (out), or set ${withoutLock}=1 and see to it that only one process trains there.`,
          { cause },
        )
      case 'ERR_NOT_A_FILE':
        throw new SaveError(
          `Cannot lock the run folder ${folder.path}: ${path} is no file of ours. Move it away.`,
          {
            cause,
          },
        )
      default:
        throw new SaveError(
          `Cannot lock the run folder ${folder.path}: ${cause.message}. Make it writable, or choose another (out).`,
          { cause },
        )
    }
  }
}

/** What the holder wrote; it may be just about to, and anything may stand in a file. */
async function holderIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return /^process \d{1,10} on [\w.-]{1,255}\n$/.test(text) ? text.trim() : 'another process'
}
