import { NonFiniteError } from '../errors.js'
import { countParameters } from '../model/parameters.js'
import { learningRateAt } from '../optim/schedule.js'
import type { StepEvent, TrainEvent } from '../events.js'
import { hooksOf, type Hook } from './hooks.js'
import { advance, sequenceTokens, totalSteps, totalTokens, updatesSinceReset } from './progress.js'
import type { Run } from './run.js'
import { saveRun } from './save.js'

/**
 * From where the run stands to its end: stage after stage, step after step, with the hooks between. When `signal` is
 * aborted the step under way is finished and saved.
 */
export async function* trainingLoop(
  run: Run,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  const { config } = run
  const began = performance.now()
  const hooks = hooksOf(run)
  yield {
    type: 'start',
    config,
    device: run.device.describe(),
    deviceNotes: [run.device.reason, ...run.device.notes()].filter((note) => note !== ''),
    parameters: countParameters(config.model),
    step: run.progress.step,
    totalSteps: totalSteps(config),
    totalTokens: totalTokens(config),
  }
  while (run.progress.stage < config.stages.length && !signal?.aborted) yield* trainStage(run, hooks, signal)

  const stopped = run.progress.stage < config.stages.length
  if (stopped) yield await saveRun(run)
  else for (const hook of hooks) yield await hook.act(run)
  yield {
    type: 'end',
    reason: stopped ? 'stopped' : 'done',
    step: run.progress.step,
    tokens: run.progress.tokens,
    seconds: (performance.now() - began) / 1000,
  }
}

/** The rest of the stage that the run stands in. */
async function* trainStage(
  run: Run,
  hooks: readonly Hook[],
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, void, void> {
  const index = run.progress.stage
  const stage = run.config.stages[index]!
  yield { type: 'stage', index, stage, step: run.progress.step - run.progress.stageStep }
  if (run.progress.stageStep === 0 && stage.carry === 'weights') await run.engine.optimizer.reset()

  const batches = run.loader.stream({
    firstSample: run.nextSample,
    sequences: stage.microBatchSequences,
    sequenceTokens: sequenceTokens(stage),
  })
  const nextBatch = async () => {
    const { value } = await batches.next()
    if (!value) throw new Error('the stream of batches has no end, and ended')
    return value.ids
  }
  try {
    while (run.progress.stage === index && !signal?.aborted) {
      yield await trainStep(run, nextBatch)
      const { step } = run.progress
      const last = run.progress.stage === run.config.stages.length // then every hook acts anyway
      for (const hook of last || signal?.aborted ? [] : hooks)
        if (hook.everySteps > 0 && step % hook.everySteps === 0) yield await hook.act(run)
    }
  } finally {
    await batches.return()
  }
}

/** One optimizer step. When it fails, weights and progress are as they were. */
async function trainStep(run: Run, nextBatch: () => Promise<Int32Array>): Promise<StepEvent> {
  const { config, progress } = run
  const stage = config.stages[progress.stage]!
  const began = performance.now()
  const learningRate =
    stage.scheduleSpan === 'run'
      ? learningRateAt(stage.learningRate, progress.step, totalSteps(config))
      : learningRateAt(stage.learningRate, progress.stageStep, stage.steps)
  const updates = updatesSinceReset(config, progress) + 1
  const { loss, gradientNorm, finite } = await run.engine.step(
    progress.stage,
    nextBatch,
    learningRate,
    updates,
  )
  if (!finite || !Number.isFinite(loss)) throw nonFinite(run, loss)

  run.progress = advance(config, progress)
  const seconds = (performance.now() - began) / 1000
  return {
    type: 'step',
    step: run.progress.step,
    stage: progress.stage,
    patchSize: stage.patchSize,
    loss,
    gradientNorm,
    learningRate,
    tokens: run.progress.tokens,
    flops: run.progress.flops,
    seconds,
    tokensPerSecond: (run.progress.tokens - progress.tokens) / seconds,
  }
}

function nonFinite(run: Run, loss: number): NonFiniteError {
  const { stage, step } = run.progress
  const { name, batchSequences } = run.config.stages[stage]!
  const first = run.nextSample
  return new NonFiniteError(
    `Step ${step + 1}: the ${Number.isFinite(loss) ? 'gradient' : 'loss'} is not finite (loss ${loss}), in samples ` +
      `${first} … ${first + batchSequences - 1} of stage '${name}'. The weights were not changed. Lower the learning ` +
      'rate, lengthen the warm-up, or go on from the last checkpoint with other data.',
    step + 1,
  )
}
