import type { LearningRateConfig, RunConfig, RunModel, StageConfig } from './types.js'

/**
 * A configuration in which everything is decided that can be decided before the data is opened. Two things wait:
 * the size of the vocabulary (the tokenizer knows it) and, where a stage is given in epochs, its number of steps (the
 * corpus knows it). `completeConfig` turns a draft into a `RunConfig`.
 */
export interface DraftConfig extends Omit<RunConfig, 'model' | 'stages'> {
  readonly model: DraftModel
  readonly stages: readonly DraftStage[]
}

export interface DraftModel extends Omit<RunModel, 'vocabSize'> {
  /** Undefined: as many as the tokenizer has. */
  readonly vocabSize: number | undefined
}

export interface DraftStage extends Omit<StageConfig, 'steps' | 'learningRate'> {
  readonly length: { readonly steps: number } | { readonly epochs: number }
  readonly learningRate: DraftLearningRate
}

/** Undefined steps follow from the length of the span; see `completeConfig`. */
export interface DraftLearningRate extends Omit<LearningRateConfig, 'warmupSteps' | 'decaySteps'> {
  readonly warmupSteps: number | undefined
  readonly decaySteps: number | undefined
}
