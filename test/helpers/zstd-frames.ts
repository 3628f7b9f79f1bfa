/** Zstd without compression: frames of raw and repeated blocks, enough to lay out any file by hand. */

export interface FrameOptions {
  /** State the content's size in the header. */
  readonly sized?: boolean
  readonly blockBytes?: number
}

export function rawFrame(
  content: Uint8Array,
  { sized = false, blockBytes = 1000 }: FrameOptions = {},
): Buffer {
  const parts = [frameHeader(sized ? content.length : undefined)]
  for (let at = 0; at < Math.max(1, content.length); at += blockBytes) {
    const part = content.subarray(at, at + blockBytes)
    parts.push(blockHeader(0, part.length, at + blockBytes >= content.length), Buffer.from(part))
  }
  return Buffer.concat(parts)
}

export function repeatedFrame(byte: number, count: number): Buffer {
  return Buffer.concat([frameHeader(undefined), blockHeader(1, count, true), Buffer.of(byte)])
}

export function skippableFrame(content: Uint8Array, variant = 0): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x184d2a50 + variant, 0)
  header.writeUInt32LE(content.length, 4)
  return Buffer.concat([header, content])
}

function frameHeader(content: number | undefined): Buffer {
  const header = Buffer.alloc(content === undefined ? 6 : 10)
  header.writeUInt32LE(0xfd2fb528, 0)
  header[4] = content === undefined ? 0 : 0x80
  header[5] = 7 << 3 // window of 128 KiB
  if (content !== undefined) header.writeUInt32LE(content, 6)
  return header
}

function blockHeader(type: number, size: number, last: boolean): Buffer {
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3)
  return header
}
