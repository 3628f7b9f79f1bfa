import { ConfigError } from '../errors.js'
import type { ParsedSchedule, ParsedStage } from './schema.js'
import type { ScheduleShape } from './types.js'

/**
 * Named plans: each turns the few numbers of `schedule` into a list of stages. Whatever else is wanted (K = 8 → 4 → 1,
 * another context, another carry) is written as `stages` directly; a recipe can do nothing that such a list cannot.
 */
export interface Recipe {
  /** Shape of the learning rate unless the optimizer names one. */
  readonly shape: ScheduleShape
  stages(schedule: ParsedSchedule): ParsedStage[]
}

/**
 * Patch-level training (arXiv 2407.12665). Every step reads the same number of tokens; the first λ of the steps read
 * them in patches of K, the rest one by one. Context is T positions in both. At the switch the weights stay, and the
 * optimizer, warm-up and cosine start again.
 */
const patch: Recipe = {
  shape: 'cosine',
  stages(schedule) {
    const { patchSize = 4, patchFraction = 2 / 3 } = schedule
    return split(schedule, patchFraction, patchFraction).map(({ phase, length }) => ({
      ...common(schedule),
      ...length,
      name: phase,
      patchSize: phase === 'patch' ? patchSize : 1,
      batchTokens: schedule.batchTokens,
      carry: 'weights',
      scheduleSpan: 'stage',
    }))
  },
}

/** Ordinary next-token training, the baseline: the same steps and tokens with K = 1 throughout. */
const token: Recipe = {
  shape: 'cosine',
  stages(schedule) {
    for (const key of ['patchSize', 'patchFraction'] as const) {
      if (schedule[key] !== undefined && schedule[key] !== (key === 'patchSize' ? 1 : 0)) {
        throw new ConfigError(`The recipe 'token' trains token by token and has no ${key}. Leave it out.`, {
          path: `schedule.${key}`,
        })
      }
    }
    return patch.stages({ ...schedule, patchSize: 1, patchFraction: 0 })
  },
}

/**
 * Token superposition (arXiv 2605.06546). Every step holds the same number of *positions* and so costs the same; a step
 * of the first phase reads K times more text. The phase is a share of the steps, not of the data. At the switch all
 * state goes on, under one warmup-stable-decay schedule.
 */
const superposition: Recipe = {
  shape: 'warmup-stable-decay',
  stages(schedule) {
    const { patchSize = 8, patchFraction = 0.3 } = schedule
    const patchTokens = patchFraction * patchSize
    const shareOfTokens = patchTokens / (patchTokens + 1 - patchFraction)
    return split(schedule, patchFraction, shareOfTokens).map(({ phase, length }) => ({
      ...common(schedule),
      ...length,
      name: phase,
      patchSize: phase === 'patch' ? patchSize : 1,
      batchPositions: schedule.batchTokens,
      carry: 'all',
      scheduleSpan: 'run',
    }))
  },
}

export const recipes: Readonly<Record<NonNullable<ParsedSchedule['recipe']>, Recipe>> = {
  patch,
  token,
  superposition,
}

function common(schedule: ParsedSchedule): Partial<ParsedStage> {
  const { context, microBatchSequences } = schedule
  return { context, ...(microBatchSequences !== undefined && { microBatchSequences }) }
}

type Length = Pick<ParsedStage, 'steps' | 'epochs'>

/** The two phases with their lengths; a phase of share 0 is left out. Epochs measure data, so they split by tokens. */
function split(schedule: ParsedSchedule, shareOfSteps: number, shareOfTokens: number) {
  const { totalSteps, epochs } = schedule
  const given = [totalSteps, epochs].filter((value) => value !== undefined).length
  if (given !== 1) {
    throw new ConfigError(
      `The length of the run is ${given ? 'given twice' : 'missing'}: set either schedule.totalSteps or schedule.epochs.`,
      { path: 'schedule.totalSteps' },
    )
  }
  const phases: { phase: 'patch' | 'token'; length: Length }[] = []
  if (totalSteps !== undefined) {
    const patchSteps = Math.round(shareOfSteps * totalSteps)
    const empty = (patchSteps === 0 && shareOfSteps > 0) || (patchSteps === totalSteps && shareOfSteps < 1)
    if (empty) {
      throw new ConfigError(
        `With totalSteps = ${totalSteps} and patchFraction = ${shareOfSteps} one of the two stages has no step. ` +
          'Use more steps, or a patchFraction of exactly 0 or 1.',
        { path: 'schedule.totalSteps' },
      )
    }
    phases.push({ phase: 'patch', length: { steps: patchSteps } })
    phases.push({ phase: 'token', length: { steps: totalSteps - patchSteps } })
  } else {
    phases.push({ phase: 'patch', length: { epochs: shareOfTokens * epochs! } })
    phases.push({ phase: 'token', length: { epochs: (1 - shareOfTokens) * epochs! } })
  }
  return phases.filter(({ length }) => (length.steps ?? length.epochs)! > 0)
}
