import { newestWhole, type Checkpoint, type Skipped } from '../checkpoint/open.js'
import type { RunConfig } from '../config/types.js'
import { ConfigError } from '../errors.js'
import type { BatchIdentity, HealthEvent, StepEvent } from '../events.js'
import { lastEvent, type MetricsLine } from '../report/metrics.js'
import type { HealthState } from './health.js'
import { passOver, type Progress } from './progress.js'

/*
 * How to get to a step of a run's past. A rollback makes a step number mean two things: the step that looked bad, and the
 * one that was taken under its number later, with other data. metrics.jsonl tells them apart.
 */

/** The step that is asked for, as metrics.jsonl tells of it. */
export interface RecordedStep {
  /** The line of the step; absent where it was never finished, or no longer counts. */
  readonly taken: StepEvent | undefined
  /** What was found in it. */
  readonly finding: HealthEvent | undefined
}

/** From the rollback on, the step after `at` reads on behind the batch that failed. */
export interface Jump {
  readonly at: number
  readonly finding: HealthEvent
}

/**
 * The step of that number. Where one that looked bad no longer counts, that one is meant: nobody asks for the other.
 * @throws {ConfigError} when no such step was taken
 */
export function recordedStep(lines: readonly MetricsLine[], step: number): RecordedStep {
  const those = lines.filter((line) => line.step === step)
  const taken = lastEvent(those, 'step')
  const finding = lastEvent(those, 'health')
  if (!taken && !finding) {
    const last = lastEvent(lines, 'step')?.step ?? 0
    throw new ConfigError(
      `Step ${step} is not in metrics.jsonl, which ${last > 0 ? `holds steps 1 … ${last}` : 'holds no step yet'}. ` +
        'Give the number of a step that was taken.',
      { path: 'step' },
    )
  }
  const counts = taken && (!finding || sameBatch(taken.batch, finding.batch))
  return { taken: counts ? taken : undefined, finding }
}

/** Where its past ends: rollbacks from this incident on came after it. */
export function incidentAfter({ taken, finding }: RecordedStep): number {
  return taken ? Infinity : finding!.incident
}

/** Rollbacks before incident number `before` that the past goes through, in the order of steps. One undoes those behind it. */
export function jumpsBefore(lines: readonly MetricsLine[], before: number): Jump[] {
  const jumps: Jump[] = []
  for (const finding of findings(lines)) {
    const { rolledBackTo: at, incident } = finding
    if (at === undefined || incident >= before) continue
    while (jumps.length > 0 && jumps.at(-1)!.at >= at) jumps.pop()
    jumps.push({ at, finding })
  }
  return jumps
}

/**
 * Where a run stands once it has gone back: at that step, with the data behind the batch that failed. Where a checkpoint was
 * saved after that, it stands there already.
 */
export function jumped(config: RunConfig, progress: Progress, { finding }: Jump): Progress {
  const { stage, batch } = finding
  return passOver(config, progress, { ...progress, stage, stageOrigin: 0, stageSamples: batch.firstSample })
}

/** What the run knew of its health then. */
export function healthAfterJump(config: RunConfig, state: HealthState, { finding }: Jump): HealthState {
  const spent = config.health.budget - finding.budgetLeft
  return { ...state, incidents: finding.incident, spent }
}

/**
 * The newest whole checkpoint before `step` that does not lie behind a rollback from incident `before` on: that one would be
 * of what came instead.
 */
export async function checkpointBefore(
  folder: string,
  step: number,
  lines: readonly MetricsLine[],
  before: number,
): Promise<{ checkpoint: Checkpoint | undefined; skipped: readonly Skipped[] }> {
  const later = findings(lines).find(
    ({ incident, rolledBackTo }) => incident >= before && rolledBackTo !== undefined,
  )
  const skipped: Skipped[] = []
  for (let upTo = step - 1; ;) {
    const found = await newestWhole(folder, { upTo })
    skipped.push(...found.skipped)
    const { checkpoint } = found
    if (!checkpoint || !later || checkpoint.state.health.incidents < later.incident)
      return { checkpoint, skipped }
    upTo = checkpoint.state.step - 1
  }
}

export function sameBatch(one: BatchIdentity, other: BatchIdentity): boolean {
  return one.firstSample === other.firstSample && one.tokensHash === other.tokensHash
}

function findings(lines: readonly MetricsLine[]): HealthEvent[] {
  return lines.filter((line): line is HealthEvent => line.type === 'health')
}
