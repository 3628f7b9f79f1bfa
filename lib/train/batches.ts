import { createHash } from 'node:crypto'
import type { Batch } from '../data/loader.js'
import type { BatchIdentity } from '../events.js'
import { nextSample, sequenceTokens } from './progress.js'
import type { Run } from './run.js'

/** The micro-batches of a stage from where the run stands, read ahead, with a record of what each step was given. */
export class Batches {
  readonly #stream: AsyncGenerator<Batch, void, void>
  /** Sequences in one. */
  readonly #microBatch: number
  #firstSample: number
  #sequences = 0
  #hash = createHash('sha256')

  constructor(run: Run) {
    const stage = run.config.stages[run.progress.stage]!
    this.#firstSample = nextSample(run.config, run.progress)
    this.#stream = run.loader.stream({
      firstSample: this.#firstSample,
      sequences: stage.microBatchSequences,
      sequenceTokens: sequenceTokens(stage),
    })
    this.#microBatch = stage.microBatchSequences
  }

  /** Token ids of the next micro-batch, [B, T·K]. */
  async next(): Promise<Int32Array> {
    const { value } = await this.#stream.next()
    if (!value) throw new Error('the stream of batches has no end, and ended')
    this.#hash.update(value.ids)
    this.#sequences += this.#microBatch
    return value.ids
  }

  /** What was handed out since the last call: a step's batch. */
  takeIdentity(): BatchIdentity {
    const identity = {
      firstSample: this.#firstSample,
      sequences: this.#sequences,
      tokensHash: this.#hash.digest('hex').slice(0, 32),
    }
    this.#firstSample += this.#sequences
    this.#sequences = 0
    this.#hash = createHash('sha256')
    return identity
  }

  async close(): Promise<void> {
    await this.#stream.return()
  }
}
