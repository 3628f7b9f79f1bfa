/**
 * Finite state entropy tables (RFC 8878 §4.1). A state is an index into the three columns: emit
 * `symbol`, read `bits` bits, add them to `base` and that is the next state.
 */
import { corrupt } from './corrupt.js'

export interface FseTable {
  readonly log: number
  readonly symbol: Uint8Array
  readonly bits: Uint8Array
  readonly base: Uint16Array
}

/** Table from normalised counts, which sum to 2^log; −1 marks a symbol rarer than 1 in 2^log. */
export function buildFseTable(counts: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log
  const symbol = new Uint8Array(size)
  const bits = new Uint8Array(size)
  const base = new Uint16Array(size)
  const next = new Uint16Array(counts.length)

  let high = size - 1
  for (let s = 0; s < counts.length; s++) {
    if (counts[s] === -1) {
      symbol[high--] = s
      next[s] = 1
    } else {
      next[s] = counts[s]!
    }
  }

  const step = (size >> 1) + (size >> 3) + 3
  let at = 0
  for (let s = 0; s < counts.length; s++) {
    for (let i = 0; i < counts[s]!; i++) {
      symbol[at] = s
      do at = (at + step) & (size - 1)
      while (at > high)
    }
  }
  if (at !== 0) corrupt('entropy table does not fill its slots')

  for (let state = 0; state < size; state++) {
    const value = next[symbol[state]!]!++
    bits[state] = log - (31 - Math.clz32(value))
    base[state] = (value << bits[state]!) - size
  }
  return { log, symbol, bits, base }
}

/** A table that emits one symbol for ever and reads no bits. */
export function constantFseTable(symbol: number): FseTable {
  return { log: 0, symbol: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) }
}

/**
 * Reads a table description that starts at `at`; returns the table and the offset behind it.
 * `bytes` must be readable (zeros will do) for four bytes beyond `end`.
 */
export function readFseTable(
  bytes: Uint8Array,
  at: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; end: number } {
  let position = at * 8
  const peek = () => {
    const byte = position >> 3
    const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16)
    return word >> (position & 7)
  }

  const log = (peek() & 15) + 5
  position += 4
  if (log > maxLog) corrupt(`entropy table of 2^${log} states where at most 2^${maxLog} are allowed`)

  const counts: number[] = []
  let remaining = (1 << log) + 1
  let threshold = 1 << log
  let width = log + 1
  while (remaining > 1) {
    if (position >> 3 >= end) corrupt('entropy table runs past its block')
    // Values below `spare` are written with one bit less, because fewer than 2^width are possible.
    const spare = 2 * threshold - 1 - remaining
    let count = peek() & (threshold - 1)
    if (count < spare) {
      position += width - 1
    } else {
      count = peek() & (2 * threshold - 1)
      if (count >= threshold) count -= spare
      position += width
    }
    count--
    counts.push(count)
    remaining -= Math.abs(count)
    if (count === 0) {
      let repeat: number
      do {
        repeat = peek() & 3
        position += 2
        for (let i = 0; i < repeat; i++) counts.push(0)
      } while (repeat === 3 && counts.length <= maxSymbol)
    }
    if (remaining > 1 && counts.length > maxSymbol) corrupt('entropy table names too many symbols')
    while (remaining < threshold) {
      width--
      threshold >>= 1
    }
  }
  const behind = (position + 7) >> 3
  if (remaining !== 1 || behind > end || counts.length > maxSymbol + 1) corrupt('entropy table is malformed')
  return { table: buildFseTable(counts, log), end: behind }
}
