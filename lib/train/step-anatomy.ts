import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import type { FlatParameters } from '../model/weights.js'
import { readTensor } from '../tensor/tensor.js'
import { Batches } from './batches.js'
import { sequenceTokens } from './progress.js'
import type { Run } from './run.js'

/** One sequence of a step's batch. */
export interface SequenceLoss {
  /** Number of the sample among those of its length, as in BatchIdentity. */
  readonly sample: number
  /** First of its tokens in the training corpus. */
  readonly firstToken: number
  /** Mean over its target tokens, nats. */
  readonly loss: number
  /** The text it begins with. */
  readonly text: string
}

/** The gradient of one parameter: of the mean loss over the whole batch, before clipping. */
export interface ParameterGradient {
  readonly name: string
  readonly shape: readonly number[]
  readonly norm: number
  /** Largest magnitude of a finite element. */
  readonly largest: number
  /** Elements that are NaN or infinite. */
  readonly notFinite: number
}

/** Batches that keep what they hand out, and what the device makes of it, position by position. */
export class WatchedBatches extends Batches {
  readonly #run: Run
  readonly #stage: number
  readonly #ids: Int32Array[] = []
  readonly #losses: Promise<Float64Array>[] = []

  constructor(run: Run) {
    super(run)
    this.#run = run
    this.#stage = run.progress.stage
  }

  override async next(): Promise<Int32Array> {
    // The device is asked in order: behind the micro-batch before, ahead of the next one, which overwrites its losses.
    if (this.#ids.length > 0) this.#readLosses()
    const ids = await super.next()
    this.#ids.push(ids)
    return ids
  }

  /** Every sequence that was handed out, the one with the greatest loss first. After the step. */
  async sequences(firstSample: number): Promise<SequenceLoss[]> {
    this.#readLosses()
    const { config, loader, corpus } = this.#run
    const stage = config.stages[this.#stage]!
    const length = sequenceTokens(stage)
    const losses = (await Promise.all(this.#losses)).flatMap((all) => meanByRow(all, stage.context))
    const ids = this.#ids.flatMap((all) => cut(all, length))
    const samples = loader.samples(firstSample, { sequences: ids.length, sequenceTokens: length })
    return losses
      .map((loss, i) => ({
        sample: samples[i]!.index,
        firstToken: samples[i]!.start,
        loss,
        text: beginning(corpus.tokenizer, ids[i]!),
      }))
      .sort((a, b) => descending(a.loss, b.loss) || a.sample - b.sample)
  }

  #readLosses(): void {
    const reading = readTensor({ ...this.#run.engine.positionLosses(this.#stage), dtype: 'f64' })
    reading.catch(() => undefined) // reported where all are awaited, if the step itself does not fail first
    this.#losses.push(reading)
  }
}

/** Of every parameter: those that are not finite first, then by norm. */
export async function gradientsByParameter(gradients: FlatParameters): Promise<ParameterGradient[]> {
  const found: ParameterGradient[] = []
  for (const { name, shape } of gradients.table.parameters) {
    const values = await readTensor({ ...gradients.get(name), dtype: 'f32' })
    found.push({ name, shape, ...summary(values) })
  }
  return found.sort((a, b) => b.notFinite - a.notFinite || descending(a.norm, b.norm))
}

function summary(values: Float32Array): Pick<ParameterGradient, 'norm' | 'largest' | 'notFinite'> {
  let squares = 0
  let largest = 0
  let notFinite = 0
  for (const value of values) {
    squares += value * value
    if (!Number.isFinite(value)) notFinite++
    else if (Math.abs(value) > largest) largest = Math.abs(value)
  }
  return { norm: Math.sqrt(squares), largest, notFinite }
}

/** Mean of the T − 1 scored positions of every sequence; the last position has nothing to be scored against, and loss 0. */
function meanByRow(losses: Float64Array, positions: number): number[] {
  return cut(losses, positions).map((row) => row.reduce((sum, loss) => sum + loss, 0) / (positions - 1))
}

function cut<T extends Int32Array | Float64Array>(values: T, length: number): T[] {
  return Array.from({ length: values.length / length }, (_, i) =>
    values.subarray(i * length, (i + 1) * length),
  ) as T[]
}

/** NaN comes before everything. */
function descending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
  return a === b ? 0 : b - a
}

const shownCharacters = 80
/** Of bytes, which are the shortest tokens, a character takes four at most. */
const decodedTokens = 4 * shownCharacters

function beginning(tokenizer: Tokenizer, ids: Int32Array): string {
  return [...tokenizer.decode(ids.subarray(0, decodedTokens))].slice(0, shownCharacters).join('')
}
