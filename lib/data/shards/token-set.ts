/**
 * Reads a token set with positioned reads into the caller's arrays. Not through a memory map: when a
 * mapped file is cut short, the process dies of SIGBUS; a read reports it.
 */
import { createHash } from 'node:crypto'
import { read as readCallback } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { DataError, DisposedError } from '../../errors.js'
import { openRegular, readError } from '../read/regular-file.js'
import { decodeHeader, HEADER_BYTES, requireLittleEndian, TOKEN_BYTES } from './format.js'
import { readManifest, streamFingerprint } from './manifest.js'
import type { Manifest } from './manifest.js'
import { checkRange } from './token-source.js'
import type { TokenSource } from './token-source.js'

interface Shard {
  readonly path: string
  readonly file: FileHandle
  /** Position of its first token in the set. */
  readonly first: number
  readonly tokens: number
}

export class TokenSet implements TokenSource {
  readonly folder: string
  readonly manifest: Manifest
  /** Identity of the token stream; a checkpoint keeps it. */
  readonly fingerprint: string
  private readonly shards: readonly Shard[]
  private readonly reading = new Set<Promise<void>>()
  private closed = false

  private constructor(folder: string, manifest: Manifest, shards: readonly Shard[]) {
    this.folder = folder
    this.manifest = manifest
    this.fingerprint = streamFingerprint(manifest)
    this.shards = shards
  }

  /** Opens every shard and holds its head and its size against the manifest; hashes: `verifyTokenSet`. */
  static async open(folder: string): Promise<TokenSet> {
    requireLittleEndian()
    const manifest = await readManifest(folder)
    const shards: Shard[] = []
    let first = 0
    try {
      for (const entry of manifest.shards) {
        const path = join(folder, entry.file)
        shards.push({ path, file: await openShard(path, entry, manifest), first, tokens: entry.tokens })
        first += entry.tokens
      }
    } catch (error) {
      for (const shard of shards) await shard.file.close()
      throw error
    }
    return new TokenSet(folder, manifest, shards)
  }

  get tokens(): number {
    return this.manifest.tokens
  }

  get vocabSize(): number {
    return this.manifest.tokenizer.vocabSize
  }

  async read(position: number, out: Int32Array): Promise<void> {
    if (this.closed) throw new DisposedError(`The token set ${this.folder}`)
    checkRange(this.tokens, position, out.length)
    const reading = this.readAcross(position, out)
    this.reading.add(reading)
    try {
      await reading
    } finally {
      this.reading.delete(reading)
    }
  }

  /** Waits for reads under way: the number of a closed file may soon mean another file. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await Promise.allSettled(this.reading)
    await Promise.all(this.shards.map((shard) => shard.file.close()))
  }

  private async readAcross(position: number, out: Int32Array): Promise<void> {
    for (let done = 0, index = this.shardAt(position); done < out.length; index++) {
      const shard = this.shards[index]!
      const from = position + done - shard.first
      const part = out.subarray(done, done + shard.tokens - from)
      await this.readShard(shard, from, part)
      done += part.length
    }
  }

  private shardAt(position: number): number {
    let low = 0
    let high = this.shards.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.shards[middle]!.first <= position) low = middle
      else high = middle - 1
    }
    return low
  }

  private async readShard(shard: Shard, from: number, out: Int32Array): Promise<void> {
    const width = TOKEN_BYTES[this.manifest.type]
    const size = out.length * width
    // Narrow ids are read into the back half of `out` and widened from the front. Slot i is written after
    // id i was read and never reaches an id still to come, so no second buffer is needed.
    const bytes = new Uint8Array(out.buffer, out.byteOffset + out.byteLength - size, size)
    await readFully(shard, bytes, HEADER_BYTES + from * width)
    const ids = width === 2 ? new Uint16Array(bytes.buffer, bytes.byteOffset, out.length) : out
    const { vocabSize } = this
    let valid = true
    for (let i = 0; i < out.length; i++) {
      const id = ids[i]! >>> 0
      if (id >= vocabSize) valid = false
      out[i] = id
    }
    if (!valid) {
      throw new DataError(
        `${shard.path} holds token ids of ${vocabSize} or more near token ${from}: it was damaged after it was ` +
          'written. Remove its folder and tokenize again.',
        { file: shard.path },
      )
    }
  }
}

async function openShard(
  path: string,
  entry: Manifest['shards'][number],
  manifest: Manifest,
): Promise<FileHandle> {
  const { file, bytes: size } = await openRegular(path, { ownFolder: true })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
    const header = decodeHeader(buffer.subarray(0, bytesRead), path, size)
    const tokenizer = createHash('sha256').update(manifest.tokenizer.fingerprint).digest('hex')
    if (
      header.tokens !== entry.tokens ||
      header.documents !== entry.documents ||
      header.sha256 !== entry.sha256 ||
      header.type !== manifest.type ||
      header.vocabSize !== manifest.tokenizer.vocabSize ||
      header.tokenizer !== tokenizer
    ) {
      throw new DataError(`${path} is not the shard that the manifest beside it describes. Tokenize again.`, {
        file: path,
      })
    }
    return file
  } catch (error) {
    await file.close()
    throw readError(path, error)
  }
}

/** The callback form costs a third of what `FileHandle.read` does, and this is called for every sample. */
function readFully(shard: Shard, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((done, fail) => {
    const next = (at: number) => {
      if (at === bytes.length) return done()
      readCallback(shard.file.fd, bytes, at, bytes.length - at, position + at, (error, count) => {
        if (error) return fail(readError(shard.path, error))
        if (count === 0) {
          const what = `${shard.path} ends at byte ${position + at}: it was cut short while in use.`
          return fail(new DataError(`${what} Restore it or tokenize again.`, { file: shard.path }))
        }
        next(at + count)
      })
    }
    next(0)
  })
}
