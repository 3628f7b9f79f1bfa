/**
 * Compressed blocks (RFC 8878 §3.1.1.3): literals, then sequences "copy so many literals, then so many
 * bytes from so far back". One decoder serves one frame and owns its history.
 */
import { corrupt } from './corrupt.js'
import { buildFseTable, constantFseTable, readFseTable } from './fse.js'
import type { FseTable } from './fse.js'
import { decodeHuffmanStream, lastBit, readHuffmanTable } from './huffman.js'
import type { HuffmanTable } from './huffman.js'
import type { History } from './history.js'

export const MAX_BLOCK = 128 * 1024
/** Zero bytes behind a block, so that whole words can be read at its end. */
export const PADDING = 8

/** Code → smallest value, from the number of extra bits of each code. */
function baselines(first: number, extra: readonly number[]): Int32Array {
  const base = new Int32Array(extra.length)
  for (let code = 0, value = first; code < extra.length; value += 1 << extra[code++]!) base[code] = value
  return base
}

const zeros = (count: number) => new Array<number>(count).fill(0)

const LITERAL_EXTRA = [...zeros(16), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const MATCH_EXTRA = [...zeros(32), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const LITERAL_BITS = Uint8Array.from(LITERAL_EXTRA)
const MATCH_BITS = Uint8Array.from(MATCH_EXTRA)
const LITERAL_BASE = baselines(0, LITERAL_EXTRA)
const MATCH_BASE = baselines(3, MATCH_EXTRA)

interface SequenceField {
  readonly name: string
  readonly maxLog: number
  readonly maxSymbol: number
  readonly predefined: FseTable
}

// Predefined distributions: RFC 8878 §3.1.1.3.2.2.
const LITERAL_LENGTH: SequenceField = {
  name: 'literal lengths',
  maxLog: 9,
  maxSymbol: 35,
  predefined: buildFseTable(
    [
      4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
      -1, -1,
    ],
    6,
  ),
}
const OFFSET: SequenceField = {
  name: 'offsets',
  maxLog: 8,
  // Code 30 reaches back 2^31 − 4 bytes, beyond the largest window that is accepted.
  maxSymbol: 30,
  predefined: buildFseTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
    5,
  ),
}
const MATCH_LENGTH: SequenceField = {
  name: 'match lengths',
  maxLog: 9,
  maxSymbol: 52,
  predefined: buildFseTable(
    [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ],
    6,
  ),
}

export class BlockDecoder {
  private readonly history: History
  private readonly maxBlock: number
  private readonly literals = new Uint8Array(MAX_BLOCK)
  private huffman: HuffmanTable | undefined
  private tables: [FseTable, FseTable, FseTable] | undefined
  /** The three most recent offsets. */
  private readonly recent = Int32Array.of(1, 4, 8)

  constructor(history: History, maxBlock: number) {
    this.history = history
    this.maxBlock = maxBlock
  }

  /** Decodes the `size` bytes at the start of `bytes` (PADDING zeros follow them) into the history. */
  decode(bytes: Uint8Array, size: number): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const { end, count } = this.readLiterals(bytes, view, size)
    this.runSequences(bytes, view, end, size, count)
  }

  private readLiterals(bytes: Uint8Array, view: DataView, size: number): { end: number; count: number } {
    const header = view.getUint32(0, true) + view.getUint8(4) * 2 ** 32
    const type = header & 3
    const format = (header >> 2) & 3

    if (type < 2) {
      const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1
      const count =
        format === 1 ? (header >> 4) & 0xfff : format === 3 ? (header >> 4) & 0xfffff : (header >> 3) & 31
      const end = headerBytes + (type === 0 ? count : 1)
      if (count > this.maxBlock || end > size) corrupt('literals run past their block')
      if (type === 0) this.literals.set(bytes.subarray(headerBytes, end))
      else this.literals.fill(bytes[headerBytes]!, 0, count)
      return { end, count }
    }

    const width = format < 2 ? 10 : format === 2 ? 14 : 18
    const headerBytes = format < 2 ? 3 : format === 2 ? 4 : 5
    const count = Math.floor(header / 16) % 2 ** width
    const end = headerBytes + (Math.floor(header / 16 / 2 ** width) % 2 ** width)
    if (count > this.maxBlock || end > size) corrupt('literals run past their block')
    let at = headerBytes
    if (type === 2) ({ table: this.huffman, end: at } = readHuffmanTable(bytes, at, end))
    const table = this.huffman
    if (!table) corrupt('literals refer to a Huffman table that was never sent')

    if (format === 0) {
      decodeHuffmanStream(table, view, bytes, at, end, this.literals, 0, count)
      return { end, count }
    }
    if (at + 6 > end) corrupt('literals without their jump table')
    const quarter = (count + 3) >> 2
    if (count < 3 * quarter) corrupt('too few literals for four streams')
    let start = at + 6
    for (let i = 0; i < 4; i++) {
      const stop = i < 3 ? start + view.getUint16(at + 2 * i, true) : end
      if (stop > end) corrupt('literal streams run past their block')
      const symbols = i < 3 ? quarter : count - 3 * quarter
      decodeHuffmanStream(table, view, bytes, start, stop, this.literals, i * quarter, symbols)
      start = stop
    }
    return { end, count }
  }

  private runSequences(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    literalCount: number,
  ): void {
    if (at >= size) corrupt('block without its sequence count')
    const { history, literals, recent } = this
    const limit = history.position + this.maxBlock
    let sequences = bytes[at++]!
    if (sequences === 255) {
      sequences = view.getUint16(at, true) + 0x7f00
      at += 2
    } else if (sequences > 127) {
      sequences = ((sequences - 128) << 8) | bytes[at++]!
    }
    if (sequences === 0) {
      if (at !== size) corrupt('bytes behind the end of a block')
      history.append(literals, 0, literalCount)
      return
    }

    const modes = bytes[at++]!
    if (modes & 3) corrupt('reserved bits are set')
    const before = this.tables
    const literalTable = readTable(LITERAL_LENGTH, modes >> 6, before?.[0])
    const offsetTable = readTable(OFFSET, (modes >> 4) & 3, before?.[1])
    const matchTable = readTable(MATCH_LENGTH, (modes >> 2) & 3, before?.[2])
    this.tables = [literalTable, offsetTable, matchTable]

    function readTable(field: SequenceField, mode: number, previous: FseTable | undefined): FseTable {
      if (mode === 0) return field.predefined
      if (mode === 3) return previous ?? corrupt(`${field.name} refer to a table that was never sent`)
      if (at >= size) corrupt(`table of ${field.name} is missing`)
      if (mode === 1) {
        const symbol = bytes[at++]!
        if (symbol > field.maxSymbol) corrupt(`${field.name} use code ${symbol}`)
        return constantFseTable(symbol)
      }
      const read = readFseTable(bytes, at, size, field.maxLog, field.maxSymbol)
      at = read.end
      return read.table
    }

    const first = at * 8
    let position = lastBit(bytes, at, size)
    /** The `width` ≤ 25 bits that end where the last read began. */
    const read = (width: number): number => {
      position -= width
      if (position < first) corrupt('sequences end too early')
      return (view.getUint32(position >> 3, true) >>> (position & 7)) & ((1 << width) - 1)
    }

    let literalState = read(literalTable.log)
    let offsetState = read(offsetTable.log)
    let matchState = read(matchTable.log)
    let literalAt = 0
    for (let left = sequences; left > 0; left--) {
      const offsetCode = offsetTable.symbol[offsetState]!
      const matchCode = matchTable.symbol[matchState]!
      const literalCode = literalTable.symbol[literalState]!

      // Offsets of 64 MiB and more need more than the 25 bits that one load yields.
      const offsetBits = offsetCode > 24 ? (read(offsetCode - 16) << 16) | read(16) : read(offsetCode)
      const code = (1 << offsetCode) + offsetBits
      const matchLength = MATCH_BASE[matchCode]! + read(MATCH_BITS[matchCode]!)
      const literalLength = LITERAL_BASE[literalCode]! + read(LITERAL_BITS[literalCode]!)
      if (left > 1) {
        literalState = literalTable.base[literalState]! + read(literalTable.bits[literalState]!)
        matchState = matchTable.base[matchState]! + read(matchTable.bits[matchState]!)
        offsetState = offsetTable.base[offsetState]! + read(offsetTable.bits[offsetState]!)
      }

      const offset = code > 3 ? pushOffset(recent, code - 3) : recentOffset(recent, code, literalLength === 0)
      if (literalAt + literalLength > literalCount) corrupt('sequences use more literals than there are')
      if (history.position + literalLength + matchLength > limit) corrupt('block is larger than allowed')
      history.append(literals, literalAt, literalLength)
      literalAt += literalLength
      history.repeat(offset, matchLength)
    }
    if (position !== first) corrupt('sequences leave bits unread')
    if (history.position + literalCount - literalAt > limit) corrupt('block is larger than allowed')
    history.append(literals, literalAt, literalCount - literalAt)
  }
}

function pushOffset(recent: Int32Array, offset: number): number {
  recent[2] = recent[1]!
  recent[1] = recent[0]!
  recent[0] = offset
  return offset
}

/** Offset codes 1–3 name a recent offset; without literals before the match they mean the next one. */
function recentOffset(recent: Int32Array, code: number, noLiterals: boolean): number {
  const index = code - (noLiterals ? 0 : 1)
  if (index === 0) return recent[0]!
  const offset = index === 3 ? recent[0]! - 1 : recent[index]!
  if (offset === 0) corrupt('match at offset 0')
  if (index > 1) recent[2] = recent[1]!
  recent[1] = recent[0]!
  recent[0] = offset
  return offset
}
