/**
 * Holds the bytes of a page against what its header claims, before hyparquet decodes them: it trusts counts,
 * so that a run of 2^31 values, or miniblocks of negative number, would take all memory or never end.
 */
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js'
import { damaged, guarded } from './damage.js'

/** Writers fill the last bit-packed run; none seen adds more than 63 groups. */
const PADDING = 512

/** Runs of repeated and of bit-packed values: `count` together, the last padded to whole groups of eight. */
export function checkRuns(page: Uint8Array, from: number, bits: number, count: number): void {
  const at = { offset: from }
  for (let seen = 0; seen < count;) {
    const head = varint(page, at)
    const packed = head % 2 === 1
    const length = packed ? ((head - 1) / 2) * 8 : head / 2
    if (length > count - seen + (packed ? PADDING : 0)) {
      damaged(`a page of ${count} values has a run of ${length} where ${count - seen} are left`)
    }
    at.offset += packed ? ((head - 1) / 2) * bits : Math.ceil(bits / 8)
    if (at.offset > page.length) damaged('a page ends within a run of values')
    seen += length
  }
}

/** One sequence of delta-encoded integers (DELTA_BINARY_PACKED). Returns the offset behind it. */
export function checkDelta(page: Uint8Array, from: number, count: number, maxBits: number): number {
  const at = { offset: from }
  const [block, minis, total] = [varint(page, at), varint(page, at), varint(page, at)]
  varint(page, at) // the first value
  const perMini = block / minis
  if (block > 2 ** 20 || minis === 0 || perMini % 8 !== 0 || perMini === 0 || total !== count) {
    damaged(
      `a page of ${count} values has delta blocks of ${block} values in ${minis} parts, ${total} in all`,
    )
  }
  for (let seen = 1; seen < count;) {
    varint(page, at) // the smallest delta
    const widths = page.subarray(at.offset, (at.offset += minis))
    for (let i = 0; i < minis && seen < count; i++, seen += perMini) {
      const bits = widths[i] ?? damaged('a page ends within its deltas')
      if (bits > maxBits) damaged(`a page has deltas of ${bits} bits`)
      at.offset += (bits * perMini) / 8
    }
    if (at.offset > page.length) damaged('a page ends within its deltas')
  }
  return at.offset
}

/** Strings that share a start with the one before (DELTA_BYTE_ARRAY): few bytes can stand for a great many. */
export function checkSharedStarts(page: Uint8Array, from: number, count: number, limit: number): void {
  const suffixes = checkDelta(page, from, count, 32)
  checkDelta(page, suffixes, count, 32)
  const [prefix, suffix] = [from, suffixes].map((offset) => {
    const lengths = new Int32Array(count)
    const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset }
    guarded('a page has damaged deltas', () => deltaBinaryUnpack(reader, count, lengths))
    return lengths
  }) as [Int32Array, Int32Array]
  let total = 0
  for (let i = 0, before = 0; i < count; i++) {
    if (prefix[i]! < 0 || prefix[i]! > before || suffix[i]! < 0)
      damaged('a string shares more than there is before it')
    before = prefix[i]! + suffix[i]!
    total += before
  }
  if (total > limit)
    damaged(`the strings of a page take ${total} bytes, more than the ${limit} that are read`)
}

function varint(page: Uint8Array, at: { offset: number }): number {
  let value = 0
  for (let scale = 1, length = 0; length < 10; length++, scale *= 128) {
    const byte = page[at.offset++] ?? damaged('a page ends within a number')
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
  return damaged('a page holds a number of more than ten bytes')
}
