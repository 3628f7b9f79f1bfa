import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConfigError, SaveError } from '../errors.js'
import type { RunFolder } from './run-folder.js'

export interface RunLock {
  release(): Promise<void>
}

/** Held by this process. A lock with our own number that is not among them is a dead namesake's: containers reuse numbers. */
const held = new Set<string>()

/**
 * Keeps a run folder to one trainer: two would write over each other's checkpoints. The lock is a file with the number of
 * the process; one that a dead process left behind is taken over.
 * @throws {ConfigError} naming the process that holds the folder
 */
export async function lockRun(folder: RunFolder): Promise<RunLock> {
  const path = resolve(folder.path, 'lock')
  await mkdir(folder.path, { recursive: true }).catch((cause: Error) => {
    throw new SaveError(
      `Cannot make the run folder ${folder.path}: ${cause.message}. Choose another (out).`,
      { cause },
    )
  })
  for (;;) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(`${process.pid}\n`)
      await file.close()
      held.add(path)
      return {
        async release() {
          if (held.delete(path)) await rm(path, { force: true })
        },
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new SaveError(`Cannot lock the run folder ${folder.path}: ${(cause as Error).message}.`, {
          cause,
        })
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    if (holder === process.pid ? held.has(path) : holder > 0 && isAlive(holder)) {
      throw new ConfigError(
        `${folder.path} is in use by process ${holder}. Wait for it, stop it, or choose another folder (out); if it has ` +
          `nothing to do with this run, remove ${path}.`,
        { path: 'out' },
      )
    }
    await rm(path, { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // alive, and somebody else's
  }
}
