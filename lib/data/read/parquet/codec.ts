/** The codecs of pages. Whatever a page claims, no more than its stated size is written. */
import { promisify } from 'node:util'
import { brotliDecompress, gunzip } from 'node:zlib'
import type { CompressionCodec } from 'hyparquet/src/types.js'
import { DataError } from '../../../errors.js'
import { decompress } from '../../zstd/decompress.js'
import { damaged } from './damage.js'
import type { Pace } from './pace.js'
import { snappyDecompress } from './snappy.js'

/** Both work on threads of their own. */
const unzip = promisify(gunzip)
const unbrotli = promisify(brotliDecompress)

export const CODECS: ReadonlySet<CompressionCodec> = new Set([
  'UNCOMPRESSED',
  'SNAPPY',
  'GZIP',
  'BROTLI',
  'ZSTD',
])

/** The `size` bytes that `stored` decodes to, in a buffer of their own. */
export async function decompressPage(
  stored: Uint8Array<ArrayBuffer>,
  codec: CompressionCodec,
  size: number,
  pace: Pace,
): Promise<Uint8Array<ArrayBuffer>> {
  const page = size === 0 ? new Uint8Array(0) : await decode(stored, codec, size, pace)
  if (page.length !== size)
    damaged(`a page of ${codec} holds ${page.length} bytes, its header states ${size}`)
  return page
}

async function decode(
  stored: Uint8Array<ArrayBuffer>,
  codec: CompressionCodec,
  size: number,
  pace: Pace,
): Promise<Uint8Array<ArrayBuffer>> {
  if (codec === 'UNCOMPRESSED') return stored
  if (codec === 'SNAPPY') return snappyDecompress(stored, size, pace)
  if (codec === 'ZSTD') return zstd(stored, size, pace)
  const inflate = codec === 'GZIP' ? unzip : unbrotli
  // Outputs of many pieces are joined, so pieces should be few; 64 is the least that zlib takes.
  const options = { maxOutputLength: size, chunkSize: Math.max(64, Math.min(size, 2 ** 20)) }
  try {
    return new Uint8Array(await inflate(stored, options))
  } catch (error) {
    return damaged(`a page of ${codec} is damaged (${(error as Error).message})`)
  }
}

async function zstd(stored: Uint8Array, size: number, pace: Pace): Promise<Uint8Array<ArrayBuffer>> {
  const page = new Uint8Array(size)
  let at = 0
  try {
    for await (const block of decompress(once(stored), 'page')) {
      if (at + block.length > size)
        damaged(`a page of ZSTD is longer than the ${size} bytes that its header states`)
      page.set(block, at)
      at += block.length
      await pace()
    }
  } catch (error) {
    if (error instanceof DataError) damaged(`a page of ZSTD is damaged (${(error.cause as Error).message})`)
    throw error
  }
  return at === size ? page : damaged(`a page of ZSTD ends after ${at} of ${size} bytes`)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes
}
