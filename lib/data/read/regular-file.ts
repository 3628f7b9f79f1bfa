/** Files that lie where somebody else put them: only regular ones are read, and only as much as they may have. */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { DataError } from '../../errors.js'

export interface OpenOptions {
  /** Refuse a symbolic link: for folders that only we write, where a link can only lead out of them. */
  readonly ownFolder?: boolean
}

/**
 * Opens for reading. A pipe or a device is refused, not waited for: one in a folder from elsewhere could make us wait
 * or read for ever.
 *
 * @throws {DataError}
 */
export async function openRegular(
  path: string,
  { ownFolder = false }: OpenOptions = {},
): Promise<{ file: FileHandle; bytes: number }> {
  let file: FileHandle | undefined
  try {
    // Windows has neither flag; nor has it such pipes and links.
    const careful = (constants.O_NONBLOCK ?? 0) | (ownFolder ? (constants.O_NOFOLLOW ?? 0) : 0)
    file = await open(path, constants.O_RDONLY | careful)
    const stats = await file.stat()
    if (stats.isFile()) return { file, bytes: stats.size }
    throw stats.isDirectory() ? Object.assign(new Error(), { code: 'EISDIR' }) : notRegular(path)
  } catch (error) {
    await file?.close()
    if (ownFolder && (error as NodeJS.ErrnoException).code === 'ELOOP') throw notRegular(path, error)
    throw readError(path, error)
  }
}

/** The whole of a file of at most `limit` bytes. */
export async function readRegular(path: string, limit: number, options?: OpenOptions): Promise<Buffer> {
  const { file, bytes } = await openRegular(path, options)
  try {
    if (bytes > limit) {
      const what = `${path} has ${bytes} bytes, more than the ${limit} that such a file may have.`
      throw new DataError(`${what} It is damaged, or not what its name says.`, { file: path })
    }
    return await file.readFile()
  } catch (error) {
    throw readError(path, error)
  } finally {
    await file.close()
  }
}

function notRegular(path: string, cause?: unknown): DataError {
  const text = `${path} is not a regular file. Put the file itself there.`
  return new DataError(text, { file: path, cause })
}

/** What a failed system call on an input file means to a user. */
export function readError(file: string, error: unknown): Error {
  const { code } = error as { code?: unknown } // of an AbortError it is a number
  const what =
    code === 'ENOENT'
      ? 'does not exist. Check the path'
      : code === 'EACCES' || code === 'EPERM'
        ? 'may not be read. Check its permissions'
        : code === 'EISDIR'
          ? 'is a folder. Name the files in it'
          : typeof code === 'string' && code.startsWith('E') && !code.startsWith('ERR_')
            ? `cannot be read (${code})`
            : undefined
  if (what !== undefined) return new DataError(`${file} ${what}.`, { file, cause: error })
  return error instanceof Error ? error : new Error(String(error))
}
