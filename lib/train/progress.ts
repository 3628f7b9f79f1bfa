import type { RunConfig, StageConfig } from '../config/types.js'
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
}

export const atStart: Progress = { step: 0, stage: 0, stageStep: 0, samples: 0, tokens: 0, flops: 0 }

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

/** After one more step. */
export function advance(config: RunConfig, progress: Progress): Progress {
  const stage = config.stages[progress.stage]!
  const done = progress.stageStep + 1 === stage.steps
  return {
    step: progress.step + 1,
    stage: done ? progress.stage + 1 : progress.stage,
    stageStep: done ? 0 : progress.stageStep + 1,
    samples: progress.samples + stage.batchSequences,
    tokens: progress.tokens + stepTokens(stage),
    flops: progress.flops + stepFlops(config, stage),
  }
}

/**
 * Updates since the optimizer's state was zero. Its state starts again with every stage that carries the weights
 * alone.
 */
export function updatesSinceReset(config: RunConfig, { stage, stageStep }: Progress): number {
  let updates = stageStep
  for (let s = stage; s > 0 && config.stages[s]?.carry === 'all'; s--) updates += config.stages[s - 1]!.steps
  return updates
}
