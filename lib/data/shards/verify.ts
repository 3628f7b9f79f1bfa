/** Holds the content of every shard against its hash; a set that passed is remembered. */
import { createHash } from 'node:crypto'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError } from '../../errors.js'
import { openRegular, readError, readRegular } from '../read/regular-file.js'
import { writeDurably } from './durable.js'
import { HEADER_BYTES } from './format.js'
import { formatManifest, readManifest } from './manifest.js'
import type { Manifest } from './manifest.js'

const VERIFIED_FILE = 'verified.json'

export interface VerifyOptions {
  /** Hash again even if this set passed before and its files have kept size and time. */
  readonly again?: boolean
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void
  readonly signal?: AbortSignal
}

export async function verifyTokenSet(folder: string, options: VerifyOptions = {}): Promise<void> {
  const manifest = await readManifest(folder)
  const state = await stateOf(folder, manifest)
  const noted = join(folder, VERIFIED_FILE)
  if (!options.again && (await readNote(noted, state.length)) === state) return

  const total = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0)
  let done = 0
  for (const shard of manifest.shards) {
    const file = join(folder, shard.file)
    const hash = createHash('sha256')
    try {
      const { file: handle } = await openRegular(file, { ownFolder: true })
      const bytes = handle.createReadStream({ start: HEADER_BYTES, highWaterMark: 2 ** 20 })
      for await (const chunk of bytes as AsyncIterable<Buffer>) {
        options.signal?.throwIfAborted()
        hash.update(chunk)
        done += chunk.length
        options.onProgress?.(done, total)
      }
    } catch (error) {
      throw readError(file, error)
    }
    if (hash.digest('hex') !== shard.sha256) {
      throw new DataError(`${file} is damaged: its content does not match its hash. Tokenize again.`, {
        file,
      })
    }
    done += HEADER_BYTES
  }
  options.onProgress?.(total, total)
  // Only a note that saves time: a folder that may not be written is verified again next time.
  await writeDurably(noted, state).catch(() => undefined)
}

/** What an earlier verification left; nothing where that is not as short as ours would be. */
async function readNote(path: string, length: number): Promise<string> {
  const bytes = await readRegular(path, length, { ownFolder: true }).catch(() => Buffer.alloc(0))
  return bytes.toString('utf8')
}

/** What must not have changed since a verification. */
async function stateOf(folder: string, manifest: Manifest): Promise<string> {
  const files = []
  for (const { file } of manifest.shards) {
    const path = join(folder, file)
    try {
      const { size, mtimeMs } = await lstat(path)
      files.push({ file, size, mtimeMs })
    } catch (error) {
      throw readError(path, error)
    }
  }
  const digest = createHash('sha256').update(formatManifest(manifest)).digest('hex')
  return JSON.stringify({ manifest: digest, files }, null, 2) + '\n'
}
