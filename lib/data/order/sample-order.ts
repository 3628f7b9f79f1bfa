/**
 * Which tokens sample n is, for stages with samples of different lengths: see ../README.md.
 * A pure function of (seed, corpus, n), without state to save.
 */
import { DataError } from '../../errors.js'
import { Permutation } from './permutation.js'

export interface OrderOptions {
  /** Tokens of the corpus. */
  readonly tokens: number
  readonly seed: number
  /** S of every stage that will read this corpus. */
  readonly sequenceTokens: readonly number[]
  /** False: in the order of the corpus. */
  readonly shuffle?: boolean
}

export interface Sample {
  /** Index of the sample, counted from the start of the run in samples of this length. */
  readonly index: number
  readonly epoch: number
  /** First token in the corpus. */
  readonly start: number
}

export class SampleOrder {
  /** What is shuffled: the least common multiple of the stages' S. */
  readonly blockTokens: number
  readonly blocks: number
  /** Tokens that one pass over the corpus yields. */
  readonly epochTokens: number
  /** Tokens behind the last whole block; no epoch reads them. */
  readonly droppedTokens: number
  private readonly seed: number
  private readonly shuffle: boolean
  private permutation: { readonly epoch: number; readonly blocks: Permutation } | undefined

  constructor({ tokens, seed, sequenceTokens, shuffle = true }: OrderOptions) {
    this.blockTokens = sequenceTokens.reduce(leastCommonMultiple, 1)
    this.blocks = Math.floor(tokens / this.blockTokens)
    this.epochTokens = this.blocks * this.blockTokens
    this.droppedTokens = tokens - this.epochTokens
    this.seed = seed
    this.shuffle = shuffle
    if (this.blocks === 0) {
      throw new DataError(
        `The corpus has ${tokens} tokens, fewer than the ${this.blockTokens} of one block ` +
          `(sequences of ${sequenceTokens.join(' and ')} tokens). Use more text, a shorter context or smaller patches.`,
      )
    }
  }

  /** Sample `index` of S = `sequenceTokens` tokens: it covers tokens index·S … of the run. */
  sample(index: number, sequenceTokens: number): Sample {
    if (!Number.isSafeInteger(index) || index < 0 || this.blockTokens % sequenceTokens !== 0) {
      throw new DataError(
        `There is no sample ${index} of ${sequenceTokens} tokens: blocks are ${this.blockTokens} tokens long. ` +
          'The index must be a non-negative integer and the length one that the order was made for.',
      )
    }
    const samplesPerBlock = this.blockTokens / sequenceTokens
    const turn = Math.floor(index / samplesPerBlock)
    const epoch = Math.floor(turn / this.blocks)
    const block = this.blockAt(epoch, turn % this.blocks)
    const start = block * this.blockTokens + (index % samplesPerBlock) * sequenceTokens
    return { index, epoch, start }
  }

  private blockAt(epoch: number, turn: number): number {
    if (!this.shuffle) return turn
    if (this.permutation?.epoch !== epoch) {
      this.permutation = { epoch, blocks: new Permutation(this.blocks, this.seed, epoch) }
    }
    return this.permutation.blocks.at(turn)
  }
}

/** First sample of S tokens that holds nothing of the first `consumedTokens` of the run. */
export function firstSampleAfter(consumedTokens: number, sequenceTokens: number): number {
  return Math.ceil(consumedTokens / sequenceTokens)
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a / x) * b
}
