import type { HealthEvent, StepEvent } from '../events.js'
import { learningRateAt } from '../optim/schedule.js'
import type { Batches } from './batches.js'
import { countIncident, forgetStatistics, judge, limitsFor, observe } from './health.js'
import { advance, totalSteps } from './progress.js'
import type { Run } from './run.js'

/** What came of an optimizer step. */
export interface TakenStep {
  readonly step: StepEvent
  /** Present when the step looked bad. Unless it was only to be recorded, nothing has changed but what `skip` says. */
  readonly health?: HealthEvent
}

/**
 * One optimizer step. A step that looks bad is dealt with as far as it can be here: recorded ones count as any other,
 * skipped ones count but left weights and optimizer alone. Where the run is to stop or to go back, and where the step
 * fails, weights and progress are as they were.
 */
export async function takeStep(run: Run, batches: Batches): Promise<TakenStep> {
  const { config, progress } = run
  const stage = config.stages[progress.stage]!
  const began = performance.now()
  const learningRate = learningRateOf(run)
  const { loss, gradientNorm, applied } = await run.engine.step(
    progress.stage,
    () => batches.next(),
    learningRate,
    progress.updates + 1,
    limitsFor(run.health, config.health),
  )
  const batch = batches.takeIdentity()
  const verdict = judge(run.health, config.health, { loss, gradientNorm, applied })

  const after = advance(config, progress, applied)
  const seconds = (performance.now() - began) / 1000
  const step: StepEvent = {
    type: 'step',
    step: after.step,
    stage: progress.stage,
    patchSize: stage.patchSize,
    loss,
    gradientNorm,
    learningRate,
    tokens: after.tokens,
    flops: after.flops,
    seconds,
    tokensPerSecond: (after.tokens - progress.tokens) / seconds,
    batch,
    ...(!applied && { skipped: true }),
  }
  const goesOn = verdict === undefined || verdict.action === 'record' || verdict.action === 'skip'
  const observed = applied ? observe(run.health, { loss, gradientNorm }, config.health.window) : run.health
  run.health = verdict ? countIncident(observed, verdict.action) : observed
  if (goesOn) run.progress = after
  if (goesOn && after.stage > progress.stage) run.health = forgetStatistics(run.health)
  if (!verdict) return { step }

  const health: HealthEvent = {
    type: 'health',
    step: after.step,
    stage: progress.stage,
    ...verdict,
    loss: finiteOrNull(loss),
    gradientNorm: finiteOrNull(gradientNorm),
    batch,
    incident: run.health.incidents,
    budgetLeft: config.health.budget - run.health.spent,
  }
  return { step, health }
}

/** Of the step that comes next. */
export function learningRateOf({ config, progress }: Run): number {
  const stage = config.stages[progress.stage]!
  return stage.scheduleSpan === 'run'
    ? learningRateAt(stage.learningRate, progress.step, totalSteps(config))
    : learningRateAt(stage.learningRate, progress.stageStep, stage.steps)
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
