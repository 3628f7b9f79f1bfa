/** Batches of token ids: any of them at once by its index, or a stream that is read ahead. */
import { SampleOrder } from './order/sample-order.js'
import type { Sample } from './order/sample-order.js'
import type { TokenSource } from './shards/token-source.js'

export interface LoaderOptions {
  readonly source: TokenSource
  readonly seed: number
  /** S of every stage, in tokens: T·K. */
  readonly sequenceTokens: readonly number[]
  /** False: in the order of the corpus, as an evaluation wants it. */
  readonly shuffle?: boolean
}

export interface BatchShape {
  /** B. */
  readonly sequences: number
  /** S; one of the lengths that the loader was made for. */
  readonly sequenceTokens: number
}

export interface StreamOptions extends BatchShape {
  /** Index of the first sample, counted in samples of S tokens since the start of the run. */
  readonly firstSample: number
  /** Samples from one batch to the next; more than B where other ranks read those between. */
  readonly stride?: number
  /** Batches that are read ahead of the one in use. */
  readonly prefetch?: number
  /** Batches to yield; without it the stream goes on through epoch after epoch. */
  readonly batches?: number
}

export interface Batch {
  readonly firstSample: number
  /** Token ids, [B, S]. */
  readonly ids: Int32Array
}

export class Loader {
  readonly order: SampleOrder
  private readonly source: TokenSource

  constructor({ source, ...options }: LoaderOptions) {
    this.source = source
    this.order = new SampleOrder({ tokens: source.tokens, ...options })
  }

  /** Ids of samples firstSample … firstSample + B − 1, [B, S]. */
  async batch(firstSample: number, { sequences, sequenceTokens }: BatchShape): Promise<Int32Array> {
    const ids = new Int32Array(sequences * sequenceTokens)
    const samples = this.samples(firstSample, { sequences, sequenceTokens })
    const reads: Promise<void>[] = []
    for (let from = 0; from < sequences;) {
      // Samples of one block lie one behind the other: one read fetches them.
      const start = samples[from]!.start
      let to = from + 1
      while (samples[to]?.start === start + (to - from) * sequenceTokens) to++
      reads.push(this.source.read(start, ids.subarray(from * sequenceTokens, to * sequenceTokens)))
      from = to
    }
    await Promise.all(reads)
    return ids
  }

  /** Which samples a batch holds, for logs and for the dump of a bad step. */
  samples(firstSample: number, { sequences, sequenceTokens }: BatchShape): Sample[] {
    return Array.from({ length: sequences }, (_, i) => this.order.sample(firstSample + i, sequenceTokens))
  }

  /** Batches in order; while one is used the next are read. A batch counts as consumed by the caller only. */
  async *stream(options: StreamOptions): AsyncGenerator<Batch, void, void> {
    const { firstSample, sequences, stride = sequences, prefetch = 4, batches = Infinity } = options
    const ahead: Promise<Batch>[] = []
    let next = 0
    const request = () => {
      const first = firstSample + next++ * stride
      const batch = this.batch(first, options).then((ids) => ({ firstSample: first, ids }))
      // A failure is reported when its turn comes, not as an unhandled rejection before that.
      batch.catch(() => undefined)
      ahead.push(batch)
    }
    while (ahead.length < prefetch + 1 && next < batches) request()
    try {
      for (let batch = ahead.shift(); batch; batch = ahead.shift()) {
        yield await batch
        if (next < batches) request()
      }
    } finally {
      await Promise.allSettled(ahead)
    }
  }
}
