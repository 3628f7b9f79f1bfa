import type { EndEvent, HealthEvent, StartEvent, TrainEvent } from '../events.js'
import { countParameters } from '../model/parameters.js'
import { Batches } from './batches.js'
import { hooksOf, isDue, type Hook } from './hooks.js'
import { totalSteps, totalTokens } from './progress.js'
import { confirmRun, rollBack } from './restore.js'
import type { Run } from './run.js'
import { healthError } from './stop.js'
import { takeStep } from './step.js'

/**
 * From where the run stands to its end: stage after stage, step after step, with the hooks between. When `signal` is
 * aborted the step under way is finished and saved.
 *
 * @param recorded what metrics.jsonl tells of the step that the run stands at; hooks that died with an earlier process
 *   before they could tell are made up for
 * @throws {HealthError} when a step looked bad and the run is to stop for it; the state before that step is saved first
 * @throws {SaveError} when the last save failed
 */
export async function* trainingLoop(
  run: Run,
  signal: AbortSignal | undefined,
  recorded: ReadonlySet<TrainEvent['type']>,
): AsyncGenerator<TrainEvent, void, void> {
  const { config } = run
  const began = performance.now()
  const hooks = hooksOf(run)
  const finished = () => run.progress.stage === config.stages.length
  const beganAt = run.progress.step
  const isUntold = ({ type }: Hook) =>
    type !== 'checkpoint' && !(run.progress.step === beganAt && recorded.has(type))
  yield startEvent(run)
  try {
    if (!finished())
      for (const hook of hooks)
        if (isDue(hook, run.progress.step) && isUntold(hook)) yield* act(run, hook, signal)
    while (!finished() && !signal?.aborted) yield* trainStage(run, hooks, signal)

    yield* lastSave(run)
    await confirmRun(run)
    if (finished()) for (const hook of hooks) if (isUntold(hook)) yield* act(run, hook, signal)
  } finally {
    await run.saver.settled() // nothing goes on behind the back of a caller who left
  }
  // Stopped within the last evaluation or sample: those are made up for when the run goes on.
  const reason = finished() && !signal?.aborted ? 'done' : 'stopped'
  yield endEvent(run, (performance.now() - began) / 1000, reason)
}

export function startEvent({ config, device, progress }: Run): StartEvent {
  return {
    type: 'start',
    config,
    device: device.describe(),
    deviceNotes: [device.reason, ...device.notes()].filter((note) => note !== ''),
    parameters: countParameters(config.model),
    step: progress.step,
    totalSteps: totalSteps(config),
    totalTokens: totalTokens(config),
  }
}

export function endEvent({ progress }: Run, seconds: number, reason: EndEvent['reason']): EndEvent {
  return { type: 'end', reason, step: progress.step, tokens: progress.tokens, seconds }
}

/** The rest of the stage that the run stands in, or up to a rollback. */
async function* trainStage(
  run: Run,
  hooks: readonly Hook[],
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  const { progress, config } = run
  const index = progress.stage
  const stage = config.stages[index]!
  yield { type: 'stage', index, stage, step: progress.step - progress.stageStep }
  if (progress.stageStep === 0 && stage.carry === 'weights') await run.engine.optimizer.reset()

  const batches = new Batches(run)
  try {
    while (run.progress.stage === index && !signal?.aborted) {
      const { step, health } = await run.betweenSteps(() => takeStep(run, batches))
      if (health?.action === 'rollback') {
        const rolledBackTo = await rollBack(run)
        if (rolledBackTo === undefined) return yield* stopFor(run, { ...health, action: 'stop' }, true)
        yield { ...health, rolledBackTo }
        return
      }
      if (health?.action === 'stop') return yield* stopFor(run, health, false)
      if (health) yield health
      await confirmRun(run)
      yield step
      yield* run.saver.takeEvents()
      const last = run.progress.stage === config.stages.length // then every hook acts anyway
      for (const hook of hooks)
        if (!last && !signal?.aborted && isDue(hook, run.progress.step)) yield* act(run, hook, signal)
    }
  } finally {
    await batches.close()
  }
}

async function* act(
  run: Run,
  hook: Hook,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  const event = await hook.act(run, signal)
  yield* run.saver.takeEvents()
  if (event) yield event
  if (event?.type === 'evaluation') run.recordEvaluation(event)
}

/** Saves and waits; there is no later save to make up for this one. */
async function* lastSave(run: Run): AsyncGenerator<TrainEvent, void, void> {
  const event = await run.saver.saveNow()
  yield* run.saver.takeEvents()
  yield event
}

/** Saves what was learned before the step, and ends the run. */
async function* stopFor(
  run: Run,
  health: HealthEvent,
  noWayBack: boolean,
): AsyncGenerator<TrainEvent, never, void> {
  yield health
  yield* lastSave(run)
  throw healthError(run, health, noWayBack)
}
