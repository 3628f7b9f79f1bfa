/** Huffman-coded literals (RFC 8878 §4.2): the table description, and streams that are read backwards. */
import { corrupt } from './corrupt.js'
import { readFseTable } from './fse.js'

const MAX_BITS = 11

export interface HuffmanTable {
  readonly bits: number
  /** Indexed by the next `bits` bits of the stream: symbol in the low byte, code length above it. */
  readonly entry: Uint16Array
}

/** Reads the table description at `at`; returns the table and the offset behind it. */
export function readHuffmanTable(
  bytes: Uint8Array,
  at: number,
  end: number,
): { table: HuffmanTable; end: number } {
  const header = bytes[at++]!
  const weights = new Uint8Array(256)
  let count: number
  let behind: number
  if (header >= 128) {
    count = header - 127
    behind = at + ((count + 1) >> 1)
    if (behind > end) corrupt('Huffman weights run past their block')
    for (let i = 0; i < count; i++) {
      const pair = bytes[at + (i >> 1)]!
      weights[i] = i & 1 ? pair & 15 : pair >> 4
    }
  } else {
    behind = at + header
    if (behind > end) corrupt('Huffman weights run past their block')
    count = readCompressedWeights(bytes, at, behind, weights)
  }
  return { table: buildHuffmanTable(weights, count), end: behind }
}

/** Weights packed with two interleaved FSE states; the end shows as a read past the first bit. */
function readCompressedWeights(bytes: Uint8Array, at: number, end: number, weights: Uint8Array): number {
  const { table, end: start } = readFseTable(bytes, at, end, 6, 255)
  let position = lastBit(bytes, start, end)
  const first = start * 8
  const read = (width: number): number => {
    position -= width
    let value = 0
    for (let i = 0; i < width; i++) {
      const bit = position + i
      if (bit >= first) value |= ((bytes[bit >> 3]! >> (bit & 7)) & 1) << i
    }
    return value
  }

  let count = 0
  const emit = (state: number) => {
    if (count > 254) corrupt('more than 255 Huffman weights')
    weights[count++] = table.symbol[state]!
  }
  let even = read(table.log)
  let odd = read(table.log)
  if (position < first) corrupt('Huffman weights are too short')
  for (;;) {
    emit(even)
    even = table.base[even]! + read(table.bits[even]!)
    if (position < first) {
      emit(odd)
      return count
    }
    emit(odd)
    odd = table.base[odd]! + read(table.bits[odd]!)
    if (position < first) {
      emit(even)
      return count
    }
  }
}

function buildHuffmanTable(weights: Uint8Array, count: number): HuffmanTable {
  let sum = 0
  for (let i = 0; i < count; i++) {
    if (weights[i]! > MAX_BITS) corrupt('Huffman weight above 11')
    if (weights[i]! > 0) sum += 1 << (weights[i]! - 1)
  }
  if (sum === 0) corrupt('Huffman table without symbols')
  const bits = 32 - Math.clz32(sum)
  if (bits > MAX_BITS) corrupt('Huffman codes longer than 11 bits')
  // The last weight is not written: it is what completes the sum to a power of two.
  const left = (1 << bits) - sum
  if ((left & (left - 1)) !== 0) corrupt('Huffman weights do not complete a tree')
  weights[count++] = 32 - Math.clz32(left)

  const entry = new Uint16Array(1 << bits)
  let at = 0
  for (let weight = 1; weight <= bits; weight++) {
    const length = bits + 1 - weight
    for (let symbol = 0; symbol < count; symbol++) {
      if (weights[symbol] !== weight) continue
      const slots = 1 << (weight - 1)
      entry.fill((length << 8) | symbol, at, at + slots)
      at += slots
    }
  }
  if (at !== entry.length) corrupt('Huffman table does not fill its slots')
  return { bits, entry }
}

/**
 * Decodes exactly `count` symbols from the backward stream in bytes [start, end) to `out` at `to`.
 * Needs four readable bytes beyond `end`.
 */
export function decodeHuffmanStream(
  table: HuffmanTable,
  view: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
  count: number,
): void {
  const { bits, entry } = table
  const mask = (1 << bits) - 1
  const first = start * 8
  let position = lastBit(bytes, start, end)
  const stop = to + count

  // Two symbols a load: 2 · 11 bits and a shift of at most 7 fit into 32.
  while (to + 1 < stop && position - 2 * bits >= first) {
    const low = position - 2 * bits
    const word = view.getUint32(low >> 3, true) >>> (low & 7)
    const one = entry[(word >>> bits) & mask]!
    const rest = bits - (one >> 8)
    const two = entry[(word >>> rest) & mask]!
    out[to++] = one & 255
    out[to++] = two & 255
    position -= (one >> 8) + (two >> 8)
  }
  while (to < stop) {
    const low = Math.max(position - bits, first)
    const word = view.getUint32(low >> 3, true) >>> (low & 7)
    // Near the start of the stream the missing bits count as zeros.
    const index = (word & ((1 << (position - low)) - 1)) << (bits - (position - low))
    const code = entry[index]!
    position -= code >> 8
    if (position < first) corrupt('literals end too early')
    out[to++] = code & 255
  }
  if (position !== first) corrupt('literals leave bits unread')
}

/** Position of the end mark, the highest set bit of the last byte of a backward stream. */
export function lastBit(bytes: Uint8Array, start: number, end: number): number {
  const last = end > start ? bytes[end - 1]! : 0
  if (last === 0) corrupt('bit stream without its end mark')
  return (end - 1) * 8 + 31 - Math.clz32(last)
}
