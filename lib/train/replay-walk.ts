import { existsSync } from 'node:fs'
import { requireSameRun } from '../checkpoint/compare.js'
import { CheckpointError } from '../errors.js'
import type { HealthEvent, StepEvent } from '../events.js'
import type { MetricsLine } from '../report/metrics.js'
import { Batches } from './batches.js'
import type { PrepareOptions } from './corpus.js'
import { restoreProductChoices } from './product-choices.js'
import { checkpointBefore, healthAfterJump, jumped, sameBatch, type Jump } from './replay-route.js'
import { loadCheckpoint } from './restore.js'
import type { Run } from './run.js'
import { takeStep } from './step.js'

export interface WalkOptions {
  readonly signal?: AbortSignal | undefined
  /** Before each of the `of` steps on the way. */
  readonly onStep?: ((done: number, of: number) => void) | undefined
}

/**
 * Puts the run where the newest whole checkpoint before `step` says, or at its beginning. Nothing is written.
 * @param before rollbacks from this incident on came after that step
 */
export async function startBefore(
  run: Run,
  step: number,
  lines: readonly MetricsLine[],
  before: number,
  { onProgress }: PrepareOptions,
): Promise<void> {
  for (;;) {
    const { checkpoint, skipped } = await checkpointBefore(run.folder.checkpoints, step, lines, before)
    for (const { path, reason } of skipped)
      onProgress?.({ stage: 'notice', message: `skipped the checkpoint ${path}: ${reason}` })
    if (!checkpoint) {
      await run.engine.initialise()
      await run.engine.optimizer.reset()
      break
    }
    requireSameRun(checkpoint.state.run, run.identity)
    try {
      await loadCheckpoint(run, checkpoint)
      break
    } catch (error) {
      if (existsSync(checkpoint.path)) throw error // else the run, which goes on, has removed it; the next is tried
    }
  }
  await restoreProductChoices(run)
}

/**
 * Takes steps until `last` are done.
 * @param lines what the steps are held against
 * @returns the first step that did not come out as recorded
 */
export async function goTo(
  run: Run,
  last: number,
  jumps: readonly Jump[],
  lines: readonly MetricsLine[],
  { signal, onStep }: WalkOptions,
): Promise<number | undefined> {
  const recorded = new Map(
    lines.filter((line): line is StepEvent => line.type === 'step').map((line) => [line.step, line]),
  )
  const first = run.progress.step
  let strayedAt: number | undefined
  while (run.progress.step < last) {
    await beginLeg(run, jumps)
    const { stage } = run.progress
    const jump = jumps.find(({ at }) => at > run.progress.step)
    const batches = new Batches(run)
    try {
      while (run.progress.step < Math.min(last, jump?.at ?? last) && run.progress.stage === stage) {
        signal?.throwIfAborted()
        onStep?.(run.progress.step - first, last - first)
        const { step, health } = await takeStep(run, batches)
        if (run.progress.step < step.step) throw halted(step, health)
        const line = recorded.get(step.step)
        if (strayedAt === undefined && line && strays(line, step)) strayedAt = step.step
      }
    } finally {
      await batches.close()
    }
  }
  signal?.throwIfAborted()
  return strayedAt
}

/** What the run does before it reads on: at a rollback's step, and at the start of a stage. */
export async function beginLeg(run: Run, jumps: readonly Jump[]): Promise<void> {
  const { config } = run
  const jump = jumps.find(({ at }) => at === run.progress.step)
  if (jump) {
    run.progress = jumped(config, run.progress, jump)
    run.health = healthAfterJump(config, run.health, jump)
  }
  const { stage, stageStep } = run.progress
  if (stageStep === 0 && config.stages[stage]!.carry === 'weights') await run.engine.optimizer.reset()
}

/** Health events write null for what is not finite. */
export function sameValue(then: number | null, now: number): boolean {
  return then === null ? !Number.isFinite(now) : then === now
}

/** A line about other data is of another branch of the past, and says nothing. */
function strays(line: StepEvent, now: StepEvent): boolean {
  const same = sameValue(line.loss, now.loss) && sameValue(line.gradientNorm, now.gradientNorm)
  return sameBatch(line.batch, now.batch) && !same
}

function halted({ step }: StepEvent, health: HealthEvent | undefined): CheckpointError {
  return new CheckpointError(
    'ERR_CHECKPOINT_MISMATCH',
    `The replay ended at step ${step}: ${health?.finding ?? 'it'} asks for '${health?.action ?? 'stop'}' there, where the run went on. ` +
      'Replay with the device, the data and the health settings that the run had.',
  )
}
