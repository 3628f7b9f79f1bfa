/*
 * Typed values of GGUF version 3 (ggml, docs/gguf.md): everything little-endian, strings with their length in front,
 * arrays with their element type and length.
 */

export const valueTypes = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
} as const

/** What our files hold; a reader must know the others too, a writer need not. */
export type MetadataValue =
  | { readonly type: 'u32'; readonly value: number }
  | { readonly type: 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'f32s'; readonly value: readonly number[] }
  | { readonly type: 'i32s'; readonly value: readonly number[] }

/** In the order in which they are written. */
export type Metadata = ReadonlyMap<string, MetadataValue>

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

export function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  return Buffer.concat([u64(bytes.length), bytes])
}

/** The type of a value, and the value. */
export function renderValue(entry: MetadataValue): Buffer {
  switch (entry.type) {
    case 'u32':
      return Buffer.concat([u32(valueTypes.u32), u32(entry.value)])
    case 'f32':
      return Buffer.concat([u32(valueTypes.f32), bytesOf(Float32Array.of(entry.value))])
    case 'bool':
      return Buffer.concat([u32(valueTypes.bool), Buffer.of(entry.value ? 1 : 0)])
    case 'string':
      return Buffer.concat([u32(valueTypes.string), string(entry.value)])
    case 'strings':
      return array(valueTypes.string, entry.value.length, Buffer.concat(entry.value.map(string)))
    case 'f32s':
      return array(valueTypes.f32, entry.value.length, bytesOf(Float32Array.from(entry.value)))
    case 'i32s':
      return array(valueTypes.i32, entry.value.length, bytesOf(Int32Array.from(entry.value)))
  }
}

function array(elementType: number, count: number, elements: Buffer): Buffer {
  return Buffer.concat([u32(valueTypes.array), u32(elementType), u64(count), elements])
}

const bytesOf = (values: Float32Array | Int32Array) => Buffer.from(values.buffer)
