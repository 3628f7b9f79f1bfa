import { ConfigError } from '../errors.js'
import type { DraftConfig, DraftLearningRate, DraftStage } from './draft.js'
import { deepFreeze } from './objects.js'
import type { LearningRateConfig, RunConfig, RunModel, StageConfig } from './types.js'

/** What only the opened data can tell. */
export interface DataFacts {
  /** Entries of the tokenizer. */
  readonly vocabSize?: number | undefined
  /** Tokens of the training corpus, without what is held out. */
  readonly corpusTokens?: number | undefined
}

/** Whether the draft holds stages in epochs, and so needs `corpusTokens`. */
export function needsCorpus(draft: DraftConfig): boolean {
  return draft.stages.some((stage) => 'epochs' in stage.length)
}

/**
 * Decides the rest of a draft: the vocabulary from the tokenizer, steps from epochs, and the warm-up and decay that
 * follow from the steps.
 *
 * @throws ConfigError where the configuration and the data do not fit one another
 */
export function completeConfig(draft: DraftConfig, facts: DataFacts): RunConfig {
  const steps = draft.stages.map((stage, index) => stageSteps(stage, index, facts))
  const total = steps.reduce((sum, n) => sum + n, 0)
  const stages = draft.stages.map((stage, index): StageConfig => {
    const { length: _, learningRate, ...rest } = stage
    const span = stage.scheduleSpan === 'run' ? total : steps[index]!
    return {
      ...rest,
      steps: steps[index]!,
      learningRate: completeLearningRate(learningRate, span, `stages.${index}.learningRate`),
    }
  })
  if (stages[0]?.scheduleSpan === 'run') requireOneSchedule(stages)
  return deepFreeze({ ...draft, model: completeModel(draft, facts), stages })
}

function completeModel({ model, data }: DraftConfig, facts: DataFacts): RunModel {
  const vocabSize = model.vocabSize ?? facts.vocabSize
  if (vocabSize === undefined) {
    throw new ConfigError(
      'The size of the vocabulary is not known. Set model.vocabSize, or load the tokenizer.',
      {
        path: 'model.vocabSize',
      },
    )
  }
  if (facts.vocabSize !== undefined && vocabSize < facts.vocabSize) {
    if (model.from !== undefined)
      throw new ConfigError(
        `The tokenizer '${data.tokenizer}' has ${facts.vocabSize} entries, but the model in ${model.from} only ${vocabSize}. ` +
          'Give the tokenizer it was trained with.',
        { path: 'data.tokenizer' },
      )
    throw new ConfigError(
      `model.vocabSize is ${vocabSize}, but the tokenizer '${data.tokenizer}' has ${facts.vocabSize} entries. ` +
        "Leave vocabSize out to take the tokenizer's, or set a larger one.",
      { path: 'model.vocabSize' },
    )
  }
  return { ...model, vocabSize }
}

function stageSteps(stage: DraftStage, index: number, facts: DataFacts): number {
  if ('steps' in stage.length) return stage.length.steps
  const { epochs } = stage.length
  const tokensAStep = stage.batchSequences * stage.context * stage.patchSize
  if (facts.corpusTokens === undefined) {
    throw new ConfigError(
      `Stage '${stage.name}' lasts ${epochs} epochs, and the size of the corpus is not known. Give steps instead, or tokenize the corpus first.`,
      { path: `stages.${index}.epochs` },
    )
  }
  const steps = Math.round((epochs * facts.corpusTokens) / tokensAStep)
  if (steps > 0) return steps
  throw new ConfigError(
    `${epochs} epochs of ${facts.corpusTokens} tokens are less than one step of ${tokensAStep} tokens in stage '${stage.name}'. ` +
      'Use a smaller batch, more epochs, or more text.',
    { path: `stages.${index}.epochs` },
  )
}

/** The paper's warm-up, or 5 % of a span that is too short for it. */
const longestWarmup = 2000
const warmupShare = 0.05

/** Final decay of a warmup-stable-decay schedule. */
const decayShare = 0.2

function completeLearningRate(draft: DraftLearningRate, span: number, path: string): LearningRateConfig {
  const { shape, peak, floor } = draft
  const warmupSteps = draft.warmupSteps ?? Math.min(longestWarmup, Math.round(warmupShare * span))
  const decays = shape === 'warmup-stable-decay'
  const decaySteps = draft.decaySteps ?? (decays ? Math.round(decayShare * span) : 0)
  if (!decays && decaySteps > 0) {
    throw new ConfigError(
      `decaySteps belongs to the shape 'warmup-stable-decay'; '${shape}' has none. Leave it out or change the shape.`,
      { path: `${path}.decaySteps` },
    )
  }
  if (warmupSteps + decaySteps > span) {
    const parts = decays
      ? `${warmupSteps} steps of warm-up and ${decaySteps} of decay`
      : `${warmupSteps} steps of warm-up`
    throw new ConfigError(`${parts} do not fit into ${span} steps. Shorten them, or train longer.`, {
      path: `${path}.warmupSteps`,
    })
  }
  return { shape, peak, warmupSteps, decaySteps, floor }
}

function requireOneSchedule(stages: readonly StageConfig[]): void {
  const different = stages.findIndex(
    (stage) => JSON.stringify(stage.learningRate) !== JSON.stringify(stages[0]!.learningRate),
  )
  if (different < 0) return
  throw new ConfigError(
    "One schedule spans the run (scheduleSpan 'run'), but the stages have different learning rates. " +
      "Make them equal, or use scheduleSpan 'stage'.",
    { path: `stages.${different}.learningRate` },
  )
}
