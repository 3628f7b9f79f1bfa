/** A stream of token ids that can be read anywhere: a set of shards, a part of it, or an array in memory. */
import { DataError } from '../../errors.js'

export interface TokenSource {
  readonly tokens: number
  /** Every id is below this. */
  readonly vocabSize: number
  /** Fills `out` with the ids from `position` on. */
  read(position: number, out: Int32Array): Promise<void>
}

/** Tokens [from, to) of a source. */
export function sliceTokens(source: TokenSource, from: number, to: number): TokenSource {
  checkRange(source.tokens, from, to - from)
  const tokens = to - from
  return {
    tokens,
    vocabSize: source.vocabSize,
    async read(position, out) {
      checkRange(tokens, position, out.length)
      await source.read(from + position, out)
    },
  }
}

export function tokensInMemory(ids: Int32Array, vocabSize: number): TokenSource {
  return {
    tokens: ids.length,
    vocabSize,
    read: (position, out) =>
      new Promise((done) => {
        checkRange(ids.length, position, out.length)
        out.set(ids.subarray(position, position + out.length))
        done()
      }),
  }
}

export function checkRange(tokens: number, position: number, count: number): void {
  if (Number.isSafeInteger(position) && position >= 0 && count >= 0 && position + count <= tokens) return
  throw new DataError(`Tokens from ${position} to ${position + count} are asked for; there are ${tokens}.`)
}
