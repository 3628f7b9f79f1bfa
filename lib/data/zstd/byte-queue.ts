/** Chunks of an async source, taken in pieces of any size; knows how far it has read. */
export class ByteQueue {
  /** Bytes taken so far: the offset that an error names. */
  offset = 0
  private readonly source: AsyncIterator<Uint8Array>
  private chunk: Uint8Array = new Uint8Array(0)
  private at = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.source = chunks[Symbol.asyncIterator]()
  }

  /** Fills the first `count` bytes of `into`; returns how many there were before the source ended. */
  async take(into: Uint8Array, count: number): Promise<number> {
    let taken = 0
    while (taken < count) {
      if (this.at === this.chunk.length) {
        const next = await this.source.next()
        if (next.done) break
        this.chunk = next.value
        this.at = 0
      }
      const piece = this.chunk.subarray(this.at, this.at + count - taken)
      into.set(piece, taken)
      taken += piece.length
      this.at += piece.length
    }
    this.offset += taken
    return taken
  }

  /** Lets the source close its file, read to the end or not. */
  async close(): Promise<void> {
    await this.source.return?.()
  }
}
