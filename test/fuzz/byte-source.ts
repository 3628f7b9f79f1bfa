/** A fuzzer's bytes as a stream of decisions, read as native/byte_source.h reads them. */
export class ByteSource {
  #at = 0

  constructor(private readonly bytes: Uint8Array) {}

  byte(): number {
    return this.#at < this.bytes.length ? this.bytes[this.#at++]! : 0
  }

  /** A byte of two's complement. */
  signed(): number {
    return (this.byte() << 24) >> 24
  }

  below(n: number): number {
    return this.byte() % n
  }

  take(count: number): Uint8Array {
    const part = this.bytes.subarray(this.#at, this.#at + count)
    this.#at += part.length
    return part
  }

  rest(): Uint8Array {
    return this.take(this.bytes.length)
  }
}
