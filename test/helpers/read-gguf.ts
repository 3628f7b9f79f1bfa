// Reads a GGUF file as its description says (ggml, docs/gguf.md), knowing nothing of how ours are written.

export interface GgufFile {
  readonly version: number
  readonly metadata: Record<string, unknown>
  readonly tensors: Record<string, { type: string; shape: number[]; data: Buffer }>
}

const tensorTypes: Record<number, { name: string; bytes: (elements: number) => number }> = {
  0: { name: 'F32', bytes: (n) => 4 * n },
  1: { name: 'F16', bytes: (n) => 2 * n },
  8: { name: 'Q8_0', bytes: (n) => (n / 32) * 34 },
  30: { name: 'BF16', bytes: (n) => 2 * n },
}

export function readGguf(file: Buffer): GgufFile {
  let at = 4
  const take = <T>(bytes: number, read: (at: number) => T): T => {
    at += bytes
    return read(at - bytes)
  }
  const u32 = () => take(4, (p) => file.readUInt32LE(p))
  const u64 = () => Number(take(8, (p) => file.readBigUInt64LE(p)))
  const text = () => {
    const length = u64()
    return take(length, (p) => file.toString('utf8', p, p + length))
  }
  const value = (type: number): unknown => {
    switch (type) {
      case 4:
        return u32()
      case 5:
        return take(4, (p) => file.readInt32LE(p))
      case 6:
        return take(4, (p) => file.readFloatLE(p))
      case 7:
        return take(1, (p) => file.readUInt8(p)) === 1
      case 8:
        return text()
      case 9: {
        const element = u32()
        return Array.from({ length: u64() }, () => value(element))
      }
      default:
        throw new Error(`value type ${type}`)
    }
  }
  if (file.toString('latin1', 0, 4) !== 'GGUF') throw new Error('no GGUF file')
  const [version, tensorCount, entryCount] = [u32(), u64(), u64()]
  const metadata: Record<string, unknown> = {}
  for (let i = 0; i < entryCount; i++) {
    const key = text()
    if (key in metadata) throw new Error(`${key} comes twice`)
    metadata[key] = value(u32())
  }
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text()
    const shape = Array.from({ length: u32() }, u64).reverse()
    return { name, shape, type: tensorTypes[u32()]!, offset: u64() }
  })
  const alignment = metadata['general.alignment'] as number
  const begin = Math.ceil(at / alignment) * alignment
  const tensors: GgufFile['tensors'] = {}
  let end = begin
  for (const { name, shape, type, offset } of infos) {
    if (offset % alignment !== 0 || begin + offset < end) throw new Error(`${name} lies at ${offset}`)
    const bytes = type.bytes(shape.reduce((a, b) => a * b, 1))
    end = begin + offset + bytes
    if (end > file.length) throw new Error(`${name} ends beyond the file`)
    tensors[name] = { type: type.name, shape, data: file.subarray(begin + offset, end) }
  }
  if (Math.ceil(end / alignment) * alignment !== file.length)
    throw new Error(`${file.length - end} bytes are left`)
  return { version, metadata, tensors }
}
