import { alignment } from './metadata.js'
import { encodedBytes, ggmlTypes } from './encode.js'
import type { GgufTensor } from './tensors.js'
import { renderValue, string, u32, u64, type Metadata } from './values.js'

/** Bytes to the next place where a tensor may start. */
export function paddingAfter(bytes: number): number {
  return (alignment - (bytes % alignment)) % alignment
}

export function tensorBytes({ type, shape }: Pick<GgufTensor, 'type' | 'shape'>): number {
  return encodedBytes(
    type,
    shape.reduce((a, b) => a * b, 1),
  )
}

/** Everything before the first tensor's data: magic, version 3, counts, metadata, and where each tensor lies. */
export function renderHeader(metadata: Metadata, tensors: readonly GgufTensor[]): Buffer {
  const parts = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(metadata.size)]
  for (const [key, value] of metadata) parts.push(string(key), renderValue(value))
  let offset = 0 // from where the data begins
  for (const { name, shape, type } of tensors) {
    const dimensions = [...shape].reverse().map(u64)
    parts.push(string(name), u32(shape.length), ...dimensions, u32(ggmlTypes[type]), u64(offset))
    const bytes = tensorBytes({ type, shape })
    offset += bytes + paddingAfter(bytes)
  }
  const header = Buffer.concat(parts)
  return Buffer.concat([header, Buffer.alloc(paddingAfter(header.length))])
}
