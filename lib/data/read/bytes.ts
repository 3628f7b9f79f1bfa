/** The bytes of a file, decompressed where its name ends in `.zst`. */
import { open } from 'node:fs/promises'
import { DataError } from '../../errors.js'
import { decompress } from '../zstd/decompress.js'

const CHUNK = 256 * 1024

export interface ByteOptions {
  /** Told of every piece that is read from the disk, in bytes as stored. */
  readonly onRead?: (bytes: number) => void
}

export function readBytes(file: string, options: ByteOptions = {}): AsyncGenerator<Uint8Array, void, void> {
  const stored = readStored(file, options)
  return file.endsWith('.zst') ? decompress(stored, file) : stored
}

/** Each chunk is a new buffer: the consumer may keep it. */
async function* readStored(file: string, { onRead }: ByteOptions): AsyncGenerator<Uint8Array, void, void> {
  let handle
  try {
    handle = await open(file, 'r')
    for (;;) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK)
      if (bytesRead === 0) return
      onRead?.(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw readError(file, error)
  } finally {
    await handle?.close()
  }
}

/** What a failed system call on an input file means to a user. */
export function readError(file: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code
  const what =
    code === 'ENOENT'
      ? 'does not exist. Check the path'
      : code === 'EACCES' || code === 'EPERM'
        ? 'may not be read. Check its permissions'
        : code === 'EISDIR'
          ? 'is a folder. Name the files in it'
          : code?.startsWith('E') && !code.startsWith('ERR_')
            ? `cannot be read (${code})`
            : undefined
  if (what !== undefined) return new DataError(`${file} ${what}.`, { file, cause: error })
  return error instanceof Error ? error : new Error(String(error))
}
