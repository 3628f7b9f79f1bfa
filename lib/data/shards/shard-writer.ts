/** Writes one shard, start to end. The head comes last: until then the file does not read as a shard. */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { encodeHeader, HEADER_BYTES } from './format.js'
import type { ShardHeader, TokenType } from './format.js'

/** Tokens gathered before they are hashed and written. */
const BUFFER_TOKENS = 2 ** 19

export class ShardWriter {
  tokens = 0
  documents = 0
  private readonly file: FileHandle
  private readonly hash = createHash('sha256')
  private readonly buffer: Uint16Array | Uint32Array
  private held = 0
  /** Where the next bytes go. */
  private end = HEADER_BYTES

  private constructor(file: FileHandle, type: TokenType) {
    this.file = file
    this.buffer = type === 'uint16' ? new Uint16Array(BUFFER_TOKENS) : new Uint32Array(BUFFER_TOKENS)
  }

  static async create(path: string, type: TokenType): Promise<ShardWriter> {
    return new ShardWriter(await open(path, 'wx'), type)
  }

  async append(ids: Int32Array): Promise<void> {
    for (let at = 0; at < ids.length;) {
      const count = Math.min(ids.length - at, BUFFER_TOKENS - this.held)
      this.buffer.set(ids.subarray(at, at + count), this.held)
      this.held += count
      at += count
      if (this.held === BUFFER_TOKENS) await this.flush()
    }
    this.tokens += ids.length
  }

  async finish(identity: Pick<ShardHeader, 'type' | 'vocabSize' | 'tokenizer'>): Promise<ShardHeader> {
    await this.flush()
    const { tokens, documents } = this
    const header: ShardHeader = { ...identity, tokens, documents, sha256: this.hash.digest('hex') }
    await this.write(encodeHeader(header), 0)
    await this.file.sync()
    await this.file.close()
    return header
  }

  /** Closes the file as it is. */
  async abandon(): Promise<void> {
    await this.file.close()
  }

  private async flush(): Promise<void> {
    const ready = this.buffer.subarray(0, this.held)
    const bytes = Buffer.from(ready.buffer, ready.byteOffset, ready.byteLength)
    this.hash.update(bytes)
    await this.write(bytes, this.end)
    this.end += bytes.length
    this.held = 0
  }

  /** A write to a disk that is nearly full may take only a part of the bytes, without an error. */
  private async write(bytes: Buffer, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += (await this.file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
    }
  }
}
