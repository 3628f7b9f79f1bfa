/**
 * What a frame has produced so far, as far back as its window reaches. The array has room for more than the
 * window: only when it is full are the last `window` bytes moved to the front.
 */
import { corrupt } from './corrupt.js'

const FIRST_SIZE = 2 ** 20

export class History {
  position = 0
  private bytes: Uint8Array
  private readonly window: number
  private readonly capacity: number

  /** `content`: size of the frame's content if known; `block`: most bytes appended after one `reserve`. */
  constructor(window: number, content: number, block: number) {
    this.window = window
    // A quarter of the window as slack: each byte is moved at most four times.
    this.capacity = Math.min(content, window + (window >> 2)) + 2 * block
    // It grows with what is decoded: a header that lies about its size takes no memory.
    this.bytes = new Uint8Array(Math.min(this.capacity, FIRST_SIZE))
  }

  /** Makes room for `block` more bytes; positions taken before are void. */
  reserve(block: number): void {
    if (this.position + block <= this.bytes.length) return
    if (this.bytes.length < this.capacity) {
      const grown = new Uint8Array(Math.min(this.capacity, 2 * this.bytes.length))
      grown.set(this.bytes.subarray(0, this.position))
      this.bytes = grown
    } else {
      const kept = Math.min(this.window, this.position)
      this.bytes.copyWithin(0, this.position - kept, this.position)
      this.position = kept
    }
  }

  append(from: Uint8Array, at: number, count: number): void {
    const { bytes, position } = this
    if (count > 32) {
      bytes.set(from.subarray(at, at + count), position)
    } else {
      for (let i = 0; i < count; i++) bytes[position + i] = from[at + i]!
    }
    this.position = position + count
  }

  fill(value: number, count: number): void {
    this.bytes.fill(value, this.position, this.position + count)
    this.position += count
  }

  /** Appends `count` bytes from `offset` back; they may overlap what is being written. */
  repeat(offset: number, count: number): void {
    const { bytes, position } = this
    const from = position - offset
    if (from < 0 || offset > this.window) corrupt('match reaches back before the window')
    if (count > 32 && offset >= count) {
      bytes.copyWithin(position, from, from + count)
    } else {
      for (let i = 0; i < count; i++) bytes[position + i] = bytes[from + i]!
    }
    this.position = position + count
  }

  /** A copy of the bytes from `start` on. */
  since(start: number): Uint8Array {
    return this.bytes.slice(start, this.position)
  }
}
