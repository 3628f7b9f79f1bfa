/**
 * Writes a token set: shards and a manifest, in a folder beside the final one that is renamed when
 * everything is on the disk. Nobody ever sees half a set.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { syncFolder, writeDurably } from './durable.js'
import { requireLittleEndian, shardBytes } from './format.js'
import type { TokenType } from './format.js'
import { formatManifest, MANIFEST_FILE } from './manifest.js'
import type { Manifest } from './manifest.js'
import { ShardWriter } from './shard-writer.js'

export interface SetLayout {
  readonly type: TokenType
  readonly tokenizer: Manifest['tokenizer']
  /** Tokens in each shard but the last. */
  readonly shardTokens: number
}

export class TokenSetWriter {
  tokens = 0
  documents = 0
  private readonly folder: string
  private readonly partial: string
  private readonly layout: SetLayout
  private readonly shards: Manifest['shards'] = []
  private shard: ShardWriter | undefined

  private constructor(folder: string, partial: string, layout: SetLayout) {
    this.folder = folder
    this.partial = partial
    this.layout = layout
  }

  static async create(folder: string, layout: SetLayout): Promise<TokenSetWriter> {
    requireLittleEndian()
    const target = resolve(folder)
    await mkdir(dirname(target), { recursive: true })
    await removeStale(target)
    const partial = `${target}${partialMark()}${process.pid}-${randomUUID().slice(0, 8)}`
    await mkdir(partial)
    return new TokenSetWriter(target, partial, layout)
  }

  /** Appends ids; documents are packed back to back and may go on in the next shard. */
  async append(ids: Int32Array, startsDocument: boolean): Promise<void> {
    if (startsDocument) this.documents++
    for (let at = 0; at < ids.length;) {
      const shard = (this.shard ??= await ShardWriter.create(
        join(this.partial, this.nextName()),
        this.layout.type,
      ))
      if (startsDocument && at === 0) shard.documents++
      const part = ids.subarray(at, at + this.layout.shardTokens - shard.tokens)
      await shard.append(part)
      at += part.length
      this.tokens += part.length
      if (shard.tokens === this.layout.shardTokens) await this.closeShard()
    }
  }

  /** Makes the set visible under its name, complete and on the disk. */
  async commit(about: Pick<Manifest, 'key' | 'marks' | 'sources'>): Promise<Manifest> {
    await this.closeShard()
    const { tokenizer, type } = this.layout
    const { tokens, documents, shards } = this
    const manifest: Manifest = {
      format: 'patchtrain-tokens',
      version: 1,
      ...about,
      tokenizer,
      type,
      tokens,
      documents,
      shards,
    }
    await writeDurably(join(this.partial, MANIFEST_FILE), formatManifest(manifest))
    await syncFolder(this.partial)
    await rename(this.partial, this.folder)
    await syncFolder(dirname(this.folder))
    return manifest
  }

  /** Removes what was written. Harmless after `commit`. */
  async abandon(): Promise<void> {
    await this.shard?.abandon()
    this.shard = undefined
    await rm(this.partial, { recursive: true, force: true })
  }

  private async closeShard(): Promise<void> {
    if (!this.shard) return
    const file = this.nextName()
    const { type, tokenizer } = this.layout
    const fingerprint = createHash('sha256').update(tokenizer.fingerprint).digest('hex')
    const header = await this.shard.finish({ type, vocabSize: tokenizer.vocabSize, tokenizer: fingerprint })
    const { tokens, documents, sha256 } = header
    this.shards.push({ file, tokens, documents, bytes: shardBytes(header), sha256 })
    this.shard = undefined
  }

  private nextName(): string {
    return `shard-${String(this.shards.length).padStart(5, '0')}.tokens`
  }
}

/** Partial folders carry host and process, so that those of a killed process are known as stale. */
function partialMark(): string {
  return `.partial-${hostname()}-`
}

async function removeStale(target: string): Promise<void> {
  const prefix = basename(target) + partialMark()
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(prefix)) continue
    const pid = Number.parseInt(name.slice(prefix.length), 10)
    if (!isAlive(pid)) await rm(join(dirname(target), name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
