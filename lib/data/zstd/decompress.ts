/**
 * Streaming zstd decoder (RFC 8878): frames one after the other, skippable frames, windows up to 1 GiB,
 * checksums verified. Own code because no package does all of that on Node 20: see ../README.md.
 */
import { DataError } from '../../errors.js'
import { BlockDecoder, MAX_BLOCK, PADDING } from './block.js'
import { ByteQueue } from './byte-queue.js'
import { CorruptBlock, corrupt } from './corrupt.js'
import { History } from './history.js'
import { XxHash64 } from './xxhash64.js'

const FRAME_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50 // the low four bits are free
const MAX_WINDOW = 2 ** 30

interface FrameHeader {
  readonly window: number
  /** Size of the decoded frame, where the header states it. */
  readonly content: number | undefined
  readonly checksum: boolean
}

/**
 * Decodes `chunks`, the bytes of `file`, block by block (at most 128 KiB each). Holds one window of
 * history. Truncated or corrupt input is a `DataError` with the byte offset in the compressed file.
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Uint8Array, void, void> {
  const input = new Input(chunks)
  try {
    while (await input.startFrame()) {
      const magic = input.uint(0, 4)
      if (magic === FRAME_MAGIC) yield* decodeFrame(input)
      else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC)
        await input.skip((await input.fetch(4)).uint(0, 4))
      else corrupt('not a zstd frame')
    }
  } catch (error) {
    if (!(error instanceof CorruptBlock)) throw error
    throw new DataError(
      `${file}: zstd data is damaged before byte ${input.offset} of the compressed file (${error.message}). ` +
        'Fetch or compress the file again; `zstd -t` checks it.',
      { file, cause: error },
    )
  } finally {
    await input.close()
  }
}

async function* decodeFrame(input: Input): AsyncGenerator<Uint8Array, void, void> {
  const header = await readHeader(input)
  const maxBlock = Math.min(MAX_BLOCK, header.window)
  const history = new History(header.window, header.content ?? Infinity, MAX_BLOCK)
  const blocks = new BlockDecoder(history, maxBlock)
  const hash = new XxHash64()
  let produced = 0
  for (let last = false; !last;) {
    const block = (await input.fetch(3)).uint(0, 3)
    last = (block & 1) === 1
    const type = (block >> 1) & 3
    const size = block >> 3
    if (type === 3) corrupt('reserved block type')
    if (size > maxBlock) corrupt(`block of ${size} bytes where at most ${maxBlock} are allowed`)

    history.reserve(MAX_BLOCK)
    const start = history.position
    await input.fetch(type === 1 ? 1 : size)
    if (type === 0) history.append(input.bytes, 0, size)
    else if (type === 1) history.fill(input.bytes[0]!, size)
    else blocks.decode(input.bytes, size)

    const out = history.since(start)
    produced += out.length
    if (produced > (header.content ?? Infinity)) corrupt('frame is longer than its header states')
    if (header.checksum) hash.update(out)
    if (out.length > 0) yield out
  }
  if (header.content !== undefined && produced !== header.content) {
    corrupt(`frame holds ${produced} bytes, its header states ${header.content}`)
  }
  if (header.checksum && (await input.fetch(4)).uint(0, 4) !== hash.low32())
    corrupt('checksum does not match')
}

async function readHeader(input: Input): Promise<FrameHeader> {
  const flags = (await input.fetch(1)).uint(0, 1)
  if (flags & 8) corrupt('reserved bit is set')
  const single = (flags & 32) !== 0
  const dictionaryBytes = [0, 1, 2, 4][flags & 3]!
  const contentBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6]!

  let window = 0
  if (!single) {
    const descriptor = (await input.fetch(1)).uint(0, 1)
    const base = 2 ** (10 + (descriptor >> 3))
    window = base + (base / 8) * (descriptor & 7)
  }
  if (dictionaryBytes > 0 && (await input.fetch(dictionaryBytes)).uint(0, dictionaryBytes) !== 0) {
    corrupt('frame needs a dictionary, which is not supported')
  }
  let content: number | undefined
  if (contentBytes > 0) {
    content = (await input.fetch(contentBytes)).uint(0, contentBytes) + (contentBytes === 2 ? 256 : 0)
  }
  if (single) window = content!
  if (window > MAX_WINDOW) corrupt(`window of ${window} bytes, more than the ${MAX_WINDOW} supported`)
  return { window, content, checksum: (flags & 4) !== 0 }
}

/** The compressed bytes: pieces are fetched into one buffer, with zeros behind them. */
class Input {
  readonly bytes = new Uint8Array(MAX_BLOCK + PADDING)
  private readonly queue: ByteQueue

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.queue = new ByteQueue(chunks)
  }

  get offset(): number {
    return this.queue.offset
  }

  /** Fetches the four bytes that open a frame; false at the end of the file. */
  async startFrame(): Promise<boolean> {
    const taken = await this.queue.take(this.bytes, 4)
    if (taken > 0 && taken < 4) corrupt('file is cut off')
    return taken === 4
  }

  async fetch(count: number): Promise<this> {
    if ((await this.queue.take(this.bytes, count)) < count) corrupt('file is cut off')
    this.bytes.fill(0, count, count + PADDING)
    return this
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; left -= MAX_BLOCK) await this.fetch(Math.min(left, MAX_BLOCK))
  }

  /** Little-endian unsigned integer; above 2^53 it is rounded, which only a hostile size reaches. */
  uint(at: number, count: number): number {
    let value = 0
    for (let i = count - 1; i >= 0; i--) value = value * 256 + this.bytes[at + i]!
    return value
  }

  close(): Promise<void> {
    return this.queue.close()
  }
}
