import type { HealthAction, HealthConfig } from '../config/types.js'

/** Mean and variance of the values of the last steps, the nearer ones weighing more. */
export interface Statistic {
  /** Values seen since the statistic began. */
  readonly count: number
  readonly mean: number
  readonly variance: number
}

/** What a run knows of its own health. With the configuration it decides about the next step. */
export interface HealthState {
  /** Findings in the whole run. */
  readonly incidents: number
  /** Steps that were skipped or rolled back, in the whole run. */
  readonly spent: number
  /** Of this stage: another patch size has another loss. */
  readonly loss: Statistic
  readonly gradientNorm: Statistic
}

/** What is watched in a step. */
export interface Vitals {
  /** Mean over the target tokens, nats. */
  readonly loss: number
  /** Before clipping. */
  readonly gradientNorm: number
}

/** What a step came to. */
export interface Outcome extends Vitals {
  /** Whether the device applied the update. */
  readonly applied: boolean
}

/** Something that is wrong with a step, and what is to be done about it. */
export interface Verdict {
  readonly finding: 'non-finite' | 'spike'
  readonly action: HealthAction
  /** See `deviations`. */
  readonly deviations: { readonly loss: number | null; readonly gradientNorm: number | null }
}

const nothingSeen: Statistic = { count: 0, mean: 0, variance: 0 }

export const freshHealth: HealthState = {
  incidents: 0,
  spent: 0,
  loss: nothingSeen,
  gradientNorm: nothingSeen,
}

/** With a stage the statistics begin anew; incidents and budget are the run's. */
export function forgetStatistics(state: HealthState): HealthState {
  return { ...state, loss: nothingSeen, gradientNorm: nothingSeen }
}

/**
 * The statistics of the step that a run went back to. What was found and spent since then stays: a budget that came back
 * with the weights would never end.
 */
export function rolledBack(now: HealthState, restored: HealthState): HealthState {
  return { ...restored, incidents: now.incidents, spent: now.spent }
}

/**
 * `state` with the values of one step. Only of a step that was applied: one that was left out would widen the deviation
 * that the next is measured by.
 */
export function observe(state: HealthState, { loss, gradientNorm }: Vitals, window: number): HealthState {
  return {
    ...state,
    loss: include(state.loss, loss, window),
    gradientNorm: include(state.gradientNorm, gradientNorm, window),
  }
}

/**
 * Incremental mean and variance (West 1979), with a weight for the new value that does not go below 1/window (Finch 2009,
 * "Incremental calculation of weighted mean and variance", section 9): of the first `window` values they are the plain
 * mean and population variance, from then on all that was decays by 1 − 1/window with every value.
 */
function include({ count, mean, variance }: Statistic, value: number, window: number): Statistic {
  const weight = 1 / Math.min(count + 1, window)
  const difference = value - mean
  const step = weight * difference
  return {
    count: count + 1,
    mean: mean + step,
    variance: (1 - weight) * (variance + difference * step),
  }
}

/**
 * One standard deviation; not less than the mean rounded to fp32, which losses and gradients are computed in: steps that
 * differ by less are equal, and steps that are all equal still leave something to measure the next by. Null before
 * `window` values were seen, and when all of them were 0.
 */
function spread({ count, mean, variance }: Statistic, window: number): number | null {
  if (count < window) return null
  const least = 2 ** -24 * Math.abs(mean)
  return Math.max(Math.sqrt(variance), least) || null
}

/** How many standard deviations `value` lies above the mean; null where nothing can be said. */
export function deviations(statistic: Statistic, value: number, window: number): number | null {
  const unit = spread(statistic, window)
  return unit === null || !Number.isFinite(value) ? null : (value - statistic.mean) / unit
}

/** The largest loss and norm that are no spike. */
function thresholds(state: HealthState, { spikeDeviations, window }: HealthConfig): Vitals {
  const largest = (statistic: Statistic) => {
    const unit = spread(statistic, window)
    return unit === null ? Infinity : statistic.mean + spikeDeviations * unit
  }
  return { loss: largest(state.loss), gradientNorm: largest(state.gradientNorm) }
}

/** The largest loss and norm with which the device is to apply the next update. Values that are not finite it never applies. */
export function limitsFor(state: HealthState, health: HealthConfig): Vitals {
  return health.spike === 'record' ? { loss: Infinity, gradientNorm: Infinity } : thresholds(state, health)
}

/**
 * What such a step means, after steps that left `state`; undefined when it is a step like others. Where spikes are left
 * out the device has decided by `limitsFor(state)`, and its word is taken for it: so the two cannot disagree.
 */
export function judge(state: HealthState, health: HealthConfig, outcome: Outcome): Verdict | undefined {
  const finding = findingOf(state, health, outcome)
  if (!finding) return undefined
  const wanted = finding === 'spike' ? health.spike : health.nonFinite
  const { window } = health
  return {
    finding,
    action: costs(wanted) && state.spent >= health.budget ? 'stop' : wanted,
    deviations: {
      loss: deviations(state.loss, outcome.loss, window),
      gradientNorm: deviations(state.gradientNorm, outcome.gradientNorm, window),
    },
  }
}

function findingOf(
  state: HealthState,
  health: HealthConfig,
  { loss, gradientNorm, applied }: Outcome,
): Verdict['finding'] | undefined {
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) return 'non-finite'
  if (health.spike !== 'record') return applied ? undefined : 'spike'
  const largest = thresholds(state, health)
  return loss > largest.loss || gradientNorm > largest.gradientNorm ? 'spike' : undefined
}

/** `state` with one more finding. */
export function countIncident(state: HealthState, action: HealthAction): HealthState {
  return { ...state, incidents: state.incidents + 1, spent: state.spent + (costs(action) ? 1 : 0) }
}

/** Skips and rollbacks are what the budget is of. */
function costs(action: HealthAction): boolean {
  return action === 'skip' || action === 'rollback'
}
