/**
 * Snappy's block format (google/snappy, format_description.txt). Own code because hyparquet's decoder never
 * returns from a literal whose length makes its position go back, and because this one lets the event loop turn.
 */
import { damaged } from './damage.js'
import type { Pace } from './pace.js'

/** Bytes decoded between two looks at the clock. */
const PIECE = 2 ** 18

/** Decodes `input`, which must give exactly `size` bytes. */
export async function snappyDecompress(
  input: Uint8Array,
  size: number,
  pace: Pace,
): Promise<Uint8Array<ArrayBuffer>> {
  const state: State = { input, output: new Uint8Array(size), from: 0, to: 0 }
  if (readSize(state) !== size) damaged('a snappy page does not have the size that its header states')
  while (state.from < input.length) {
    decodeElements(state)
    await pace()
  }
  if (state.to !== size) damaged(`a snappy page ends after ${state.to} of ${size} bytes`)
  return state.output
}

interface State {
  readonly input: Uint8Array
  readonly output: Uint8Array<ArrayBuffer>
  from: number
  to: number
}

function readSize(state: State): number {
  let value = 0
  for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
    const byte = state.input[state.from++] ?? damaged('a snappy page is empty')
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
  return damaged('a snappy page begins with a number of more than five bytes')
}

function decodeElements(state: State): void {
  const { input, output } = state
  let { from, to } = state
  for (const end = to + PIECE; to < end && from < input.length;) {
    const tag = input[from++]!
    if ((tag & 3) === 0) {
      let length = (tag >> 2) + 1
      if (length > 60) {
        const bytes = length - 60
        if (from + bytes > input.length) damaged('a snappy page is cut off')
        length = littleEndian(input, from, bytes) + 1
        from += bytes
      }
      if (from + length > input.length) damaged('a snappy page is cut off')
      if (to + length > output.length) damaged('a snappy page is longer than it states')
      if (length <= 16) for (let k = 0; k < length; k++) output[to + k] = input[from + k]!
      else output.set(input.subarray(from, from + length), to)
      from += length
      to += length
      continue
    }
    const bytes = (tag & 3) === 3 ? 4 : tag & 3
    if (from + bytes > input.length) damaged('a snappy page is cut off')
    const length = bytes === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const back = bytes === 1 ? ((tag >> 5) << 8) | input[from]! : littleEndian(input, from, bytes)
    from += bytes
    if (back === 0 || back > to) damaged('a snappy page copies from before its start')
    if (to + length > output.length) damaged('a snappy page is longer than it states')
    for (let k = 0; k < length; k++) output[to + k] = output[to + k - back]!
    to += length
  }
  state.from = from
  state.to = to
}

function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!
  return value
}
