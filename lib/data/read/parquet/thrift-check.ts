/**
 * Looks through a struct of Thrift's compact protocol before hyparquet parses it, which takes sizes as they
 * come: a list that claims 2^31 elements would be allocated. Afterwards every size is known to be covered by
 * bytes, and so is the memory that parsing takes.
 */
import { damaged } from './damage.js'

/** Parquet's own structs nest 8 deep. */
const MAX_DEPTH = 24
/** Fields and list elements together: about 80,000 column chunks, in row groups times columns. */
const MAX_PARTS = 2_000_000

const STOP = 0
const [TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
const STRUCT = 12

/** Offset behind the struct that begins at `from`; undefined if `bytes` end before it does. */
export function structEnd(bytes: Uint8Array, from = 0): number | undefined {
  const walk = new Walk(bytes, from)
  try {
    walk.struct(0)
    return walk.offset
  } catch (error) {
    if (error instanceof OutOfBytes) return undefined
    throw error
  }
}

class OutOfBytes extends Error {}

class Walk {
  private parts = 0

  constructor(
    private readonly bytes: Uint8Array,
    public offset: number,
  ) {}

  struct(depth: number): void {
    if (depth > MAX_DEPTH) damaged('its metadata is nested too deeply')
    for (;;) {
      const head = this.byte()
      const type = head & 15
      if (type === STOP) return
      if (head >> 4 === 0) this.varint()
      this.element(type, depth)
    }
  }

  private element(type: number, depth: number): void {
    if (++this.parts > MAX_PARTS) damaged(`its metadata has more than ${MAX_PARTS} parts`)
    if (type === TRUE || type === FALSE) return
    if (type === BYTE) this.skip(1)
    else if (type === I16 || type === I32 || type === I64) this.varint()
    else if (type === DOUBLE) this.skip(8)
    else if (type === BINARY) this.skip(this.varint())
    else if (type === LIST) this.list(depth + 1)
    else if (type === STRUCT) this.struct(depth + 1)
    else damaged(`its metadata holds a field of the unknown type ${type}`)
  }

  private list(depth: number): void {
    if (depth > MAX_DEPTH) damaged('its metadata is nested too deeply')
    const head = this.byte()
    const count = head >> 4 === 15 ? this.varint() : head >> 4
    const type = head & 15
    // Every element takes a byte at least, so a list is never longer than what is left.
    if (count > this.bytes.length - this.offset) throw new OutOfBytes()
    for (let i = 0; i < count; i++) this.element(type === TRUE || type === FALSE ? BYTE : type, depth)
  }

  private byte(): number {
    const value = this.bytes[this.offset++]
    if (value === undefined) throw new OutOfBytes()
    return value
  }

  private skip(count: number): void {
    if (count > this.bytes.length - this.offset) throw new OutOfBytes()
    this.offset += count
  }

  private varint(): number {
    let value = 0
    for (let scale = 1, length = 0; length < 10; length++, scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    return damaged('its metadata holds a number of more than ten bytes')
  }
}
