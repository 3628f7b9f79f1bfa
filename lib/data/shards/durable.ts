/** Files that are either complete on the disk or not there. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { SaveError } from '../../errors.js'

/** Makes names in `folder` (created, renamed) survive a power failure. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants

/** A link in the place of the file is refused: it could lead to any file of the user's. */
export async function writeDurably(file: string, content: string): Promise<void> {
  const handle = await open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Runs `write`; a failed system call becomes a `SaveError` that says what to do. */
export async function saving<T>(file: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    const advice =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'The disk is full: free some space or choose another folder'
        : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
          ? 'The folder may not be written: choose another one or change its permissions'
          : 'Check the disk and the path'
    throw new SaveError(
      `Cannot write ${file} (${code ?? syscall}). ${advice}. Nothing half-written is left behind.`,
      {
        cause: error,
      },
    )
  }
}
