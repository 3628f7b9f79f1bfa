import { ConfigError } from '../errors.js'
import { divisors } from './divisors.js'
import type { DraftLearningRate, DraftStage } from './draft.js'
import { given } from './objects.js'
import type { ParsedStage } from './schema.js'

/** Where the stages were written, for the paths in errors: a recipe's `schedule`, or the list itself. */
export type StageOrigin = 'schedule' | 'stages'

/**
 * Decides every stage: lengths, batches in whole sequences, micro-batches. Context and batch hold from one stage to
 * the next until another is given; the batch in the unit it was written in.
 */
export function resolveStages(
  written: readonly ParsedStage[],
  learningRate: DraftLearningRate,
  origin: StageOrigin,
): DraftStage[] {
  let context: number | undefined
  let batch: Batch | undefined
  const stages = written.map((stage, index): DraftStage => {
    const at = (key: string) => (origin === 'schedule' ? `schedule.${key}` : `stages.${index}.${key}`)
    context = stage.context ?? context
    batch = writtenBatch(stage, at) ?? batch
    if (context === undefined) throw missing(at('context'), 'positions a sequence')
    if (batch === undefined) throw missing(at('batchTokens'), 'tokens an optimizer step')
    const batchSequences = sequences(batch, stage.patchSize, context, at)
    return {
      name: stage.name ?? (stage.patchSize === 1 ? 'token' : `patch-${stage.patchSize}`),
      patchSize: stage.patchSize,
      length: length(stage, at),
      context,
      batchSequences,
      microBatchSequences: microBatch(stage.microBatchSequences, batchSequences, context, at),
      carry: stage.carry ?? 'weights',
      learningRate: { ...learningRate, ...given(stage.learningRate) },
      scheduleSpan: stage.scheduleSpan ?? 'stage',
    }
  })
  if (new Set(stages.map((stage) => stage.scheduleSpan)).size > 1) {
    throw new ConfigError(
      "scheduleSpan must be the same in all stages: 'stage' starts the learning-rate schedule again with each, " +
        "'run' lays one schedule over all of them.",
      { path: 'stages' },
    )
  }
  return stages
}

/** One optimizer step's batch. Sequences of a stage hold K·T tokens and T positions. */
interface Batch {
  readonly unit: 'tokens' | 'positions' | 'sequences'
  readonly size: number
}

const batchKeys = { tokens: 'batchTokens', positions: 'batchPositions', sequences: 'batchSequences' } as const

function writtenBatch(stage: ParsedStage, at: (key: string) => string): Batch | undefined {
  const given = (['tokens', 'positions', 'sequences'] as const).flatMap((unit) => {
    const size = stage[batchKeys[unit]]
    return size === undefined ? [] : [{ unit, size }]
  })
  if (given.length <= 1) return given[0]
  const names = given.map(({ unit }) => batchKeys[unit]).join(' and ')
  throw new ConfigError(`The batch is given as ${names}. Keep one of them.`, {
    path: at(batchKeys[given[1]!.unit]),
  })
}

function sequences(batch: Batch, K: number, T: number, at: (key: string) => string): number {
  if (batch.unit === 'sequences') return batch.size
  const sequence = batch.unit === 'tokens' ? K * T : T
  const count = batch.size / sequence
  if (Number.isInteger(count)) return count
  const below = Math.floor(count) * sequence
  const nearby = [below, below + sequence].filter((size) => size > 0)
  const factors = batch.unit === 'tokens' && K > 1 ? `K·T = ${K}·${T} = ${sequence}` : `T = ${T}`
  throw new ConfigError(
    `A batch of ${batch.size} ${batch.unit} is not a whole number of sequences of ${factors} ${batch.unit} each. ` +
      `Nearest valid: ${nearby.join(' and ')}.`,
    // A batch of positions that came from `schedule` was written there as batchTokens.
    { path: at(at('').startsWith('schedule') ? 'batchTokens' : batchKeys[batch.unit]) },
  )
}

function length(stage: ParsedStage, at: (key: string) => string): DraftStage['length'] {
  const { steps, epochs } = stage
  if ((steps === undefined) === (epochs === undefined)) {
    throw new ConfigError(
      `The length of the stage is ${steps === undefined ? 'missing' : 'given twice'}: set either steps or epochs.`,
      { path: at('steps') },
    )
  }
  return steps === undefined ? { epochs: epochs! } : { steps }
}

/**
 * Positions that a micro-batch should have: enough rows for every product to run at full speed, few enough for the
 * activations of a small model to stay within some hundred megabytes.
 */
const wantedPositions = 4096
const mostPositions = 8192

function microBatch(
  written: number | undefined,
  batchSequences: number,
  T: number,
  at: (key: string) => string,
): number {
  if (written === undefined) {
    const fits = divisors(batchSequences).filter((n) => n === 1 || n * T <= mostPositions)
    const distance = (n: number) => Math.abs(Math.log((n * T) / wantedPositions))
    return fits.reduce((best, n) => (distance(n) < distance(best) ? n : best))
  }
  if (batchSequences % written === 0) return written
  throw new ConfigError(
    `Micro-batches of ${written} sequences do not divide a batch of ${batchSequences} sequences. ` +
      `Possible: ${divisors(batchSequences).join(', ')}.`,
    { path: at('microBatchSequences') },
  )
}

function missing(path: string, meaning: string): ConfigError {
  return new ConfigError(`${path} is missing: ${meaning}.`, { path })
}
