import type { RunConfig, StageConfig } from '../config/types.js'
import { firstSampleAfter } from '../data/order/sample-order.js'
import { trainingFlops } from '../model/flops.js'

/** Where a run stands. With the config, everything else about the next step follows from it. */
export interface Progress {
  /** Optimizer steps done, over the whole run. */
  readonly step: number
  /** Index of the stage that the next step belongs to; the number of stages when all is done. */
  readonly stage: number
  /** Steps done in that stage. */
  readonly stageStep: number
  /** Sequences consumed, of whatever length. */
  readonly samples: number
  readonly tokens: number
  readonly flops: number
  /** Tokens of the corpus' order that lie before the stage's data. */
  readonly stageOrigin: number
  /** Sequences of the stage's data that lie behind: consumed, or passed over by a rollback. */
  readonly stageSamples: number
  /** Updates since the optimizer's state was zero; it is zero again with every stage that carries the weights alone. */
  readonly updates: number
}

export const atStart: Progress = {
  step: 0,
  stage: 0,
  stageStep: 0,
  samples: 0,
  tokens: 0,
  flops: 0,
  stageOrigin: 0,
  stageSamples: 0,
  updates: 0,
}

/** S: tokens in a sequence. */
export function sequenceTokens(stage: StageConfig): number {
  return stage.context * stage.patchSize
}

/** Tokens that one optimizer step reads. */
export function stepTokens(stage: StageConfig): number {
  return stage.batchSequences * sequenceTokens(stage)
}

/** Model FLOPs of one optimizer step. */
export function stepFlops(config: RunConfig, stage: StageConfig): number {
  return trainingFlops(config.model, stage.batchSequences * stage.context, stage.context)
}

export function totalSteps(config: RunConfig): number {
  return config.stages.reduce((sum, stage) => sum + stage.steps, 0)
}

export function totalTokens(config: RunConfig): number {
  return config.stages.reduce((sum, stage) => sum + stage.steps * stepTokens(stage), 0)
}

/**
 * After one more step.
 * @param applied whether it changed the weights; data and schedule move on in any case
 */
export function advance(config: RunConfig, progress: Progress, applied: boolean): Progress {
  const stage = config.stages[progress.stage]!
  const counted = {
    step: progress.step + 1,
    samples: progress.samples + stage.batchSequences,
    tokens: progress.tokens + stepTokens(stage),
    flops: progress.flops + stepFlops(config, stage),
  }
  const updates = progress.updates + (applied ? 1 : 0)
  const stageSamples = progress.stageSamples + stage.batchSequences
  if (progress.stageStep + 1 < stage.steps) {
    const { stage: index, stageStep, stageOrigin } = progress
    return { ...counted, stage: index, stageStep: stageStep + 1, stageOrigin, stageSamples, updates }
  }
  return {
    ...counted,
    stage: progress.stage + 1,
    stageStep: 0,
    stageOrigin: dataPosition(config, { ...progress, stageSamples }),
    stageSamples: 0,
    updates: config.stages[progress.stage + 1]?.carry === 'weights' ? 0 : updates,
  }
}

/** Index of the stage's next sequence among all of its length in the corpus' order; the first lies behind the last stage's. */
export function nextSample(config: RunConfig, { stage, stageOrigin, stageSamples }: Progress): number {
  return firstSampleAfter(stageOrigin, sequenceTokens(config.stages[stage]!)) + stageSamples
}

/** Tokens of the corpus' order that are behind. */
function dataPosition(config: RunConfig, progress: Progress): number {
  return nextSample(config, progress) * sequenceTokens(config.stages[progress.stage]!)
}

/** `earlier`, but reading on from where the step after `now` would: what lies between is passed over, the bad batch included. */
export function passOver(config: RunConfig, earlier: Progress, now: Progress): Progress {
  const { batchSequences } = config.stages[now.stage]!
  const position = dataPosition(config, { ...now, stageSamples: now.stageSamples + batchSequences })
  const length = sequenceTokens(config.stages[earlier.stage]!)
  const stageSamples = firstSampleAfter(position, length) - firstSampleAfter(earlier.stageOrigin, length)
  return { ...earlier, stageSamples }
}
