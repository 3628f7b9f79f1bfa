/** The bytes of a file, decompressed where its name ends in `.zst`. */
import { decompress } from '../zstd/decompress.js'
import { openRegular, readError } from './regular-file.js'

export { readError }

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
  const { file: handle } = await openRegular(file)
  try {
    for (;;) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(CHUNK), 0, CHUNK)
      if (bytesRead === 0) return
      onRead?.(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw readError(file, error)
  } finally {
    await handle.close()
  }
}
