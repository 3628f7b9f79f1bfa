import { basename, join, resolve } from 'node:path'
import { ConfigError } from '../errors.js'
import type { DraftConfig, DraftLearningRate } from './draft.js'
import { resolveModel } from './model.js'
import { deepFreeze, given } from './objects.js'
import { parseConfig } from './parse.js'
import { recipes } from './recipes.js'
import type { ParsedConfig, ParsedModel, ParsedOptimizer, ParsedStage, UserConfig } from './schema.js'
import { resolveStages, type StageOrigin } from './stages.js'
import type { RunConfig, ScheduleShape } from './types.js'

/** Defaults, all of them but the model's (presets.ts) and the recipes' (recipes.ts). Optimizer: the paper's. */
export const defaults = {
  optimizer: {
    learningRate: 3e-4,
    learningRateFloor: 0,
    betas: [0.9, 0.95],
    epsilon: 1e-8,
    weightDecay: 0.1,
    gradientClip: 1,
  },
  data: { validationFraction: 0.01, tokenizer: 'bytes', textField: 'text', cache: '.patchtrain/tokens' },
  recompute: 'none',
  seed: 1,
  device: 'auto',
  threads: 0,
  checkpoint: { everySteps: 1000, keep: 2, keepEvery: 0, keepBest: true },
  health: { nonFinite: 'stop', spike: 'record', spikeDeviations: 6, window: 128, budget: 10 },
  evaluation: { everySteps: 1000, maxTokens: 262_144 },
  tasks: { names: [], data: 'data', everySteps: 0, limit: 0 },
  sample: { everySteps: 0, prompt: '', tokens: 256 },
} as const

/**
 * Decides everything that can be decided without opening the data: shorthands, presets and recipes are expanded,
 * defaults filled in, relations between values checked. `completeConfig` decides the rest.
 *
 * A `RunConfig` is valid input, and comes out with the same values.
 *
 * @param source what to call the configuration in an error
 * @throws ConfigError with the path of the value to change
 */
export function resolveConfig(written: UserConfig | RunConfig, source?: string): DraftConfig {
  const config = parseConfig(written, source)
  const { validation, ...data } = config.data
  const { origin, shape, stages } = writtenStages(config)
  const { checkpoint, health, evaluation, tasks, sample, optimizer } = config
  return deepFreeze({
    ...nameAndFolder(config),
    model: resolveModel(config.model),
    data: {
      ...defaults.data,
      ...(config.model.from !== undefined && { tokenizer: config.model.from }),
      ...(validation?.length && { validationFraction: 0 }),
      ...given(data),
      train: nonEmpty(config.data.train),
      validation: validation ?? [],
    },
    stages: resolveStages(stages, baseLearningRate(config.optimizer, shape), origin),
    optimizer: {
      betas: optimizer?.betas ?? defaults.optimizer.betas,
      epsilon: optimizer?.epsilon ?? defaults.optimizer.epsilon,
      weightDecay: optimizer?.weightDecay ?? defaults.optimizer.weightDecay,
      gradientClip: optimizer?.gradientClip ?? defaults.optimizer.gradientClip,
    },
    recompute: config.recompute ?? defaults.recompute,
    seed: config.seed ?? defaults.seed,
    device: config.device ?? defaults.device,
    threads: config.threads ?? defaults.threads,
    checkpoint: { ...defaults.checkpoint, ...given(checkpoint) },
    health: { ...defaults.health, ...given(health) },
    evaluation: { ...defaults.evaluation, ...given(evaluation) },
    tasks: { ...defaults.tasks, ...given(tasks) },
    sample: { ...defaults.sample, ...given(sample) },
  })
}

interface WrittenStages {
  readonly origin: StageOrigin
  readonly shape: ScheduleShape
  readonly stages: readonly ParsedStage[]
}

/** The plan is either a recipe's, from `schedule`, or the list `stages`. */
function writtenStages({ schedule, stages }: ParsedConfig): WrittenStages {
  if (schedule && stages) {
    throw new ConfigError(
      'Both schedule and stages are given. schedule makes the stages from a recipe, stages lists them: keep one.',
      { path: 'stages' },
    )
  }
  if (stages) return { origin: 'stages', shape: 'cosine', stages }
  if (!schedule) {
    throw new ConfigError(
      'The plan is missing. Give schedule (totalSteps, batchTokens, context, patchSize, patchFraction), or stages.',
      { path: 'schedule' },
    )
  }
  const recipe = recipes[schedule.recipe ?? 'patch']
  return { origin: 'schedule', shape: recipe.shape, stages: recipe.stages(schedule) }
}

/** What the stages' learning rates have in common. */
function baseLearningRate(optimizer: ParsedOptimizer | undefined, shape: ScheduleShape): DraftLearningRate {
  return {
    shape: optimizer?.learningRateShape ?? shape,
    peak: optimizer?.learningRate ?? defaults.optimizer.learningRate,
    floor: optimizer?.learningRateFloor ?? defaults.optimizer.learningRateFloor,
    warmupSteps: optimizer?.warmupSteps,
    decaySteps: optimizer?.decaySteps,
  }
}

/** Name and run folder follow from one another. */
function nameAndFolder(config: ParsedConfig): { name: string; out: string } {
  const plan = config.stages ? 'stages' : (config.schedule?.recipe ?? 'patch')
  const fallback = config.out ? basename(config.out) : `${modelName(config.model)}-${plan}`
  const name = config.name ?? fallback
  return { name, out: config.out ?? join('runs', name) }
}

/** Of a folder the characters that a name may have. */
function modelName({ preset, from }: ParsedModel): string {
  if (from === undefined) return preset ?? 'llama'
  return basename(resolve(from)).replace(/[^\w.-]+/g, '-') || 'llama'
}

function nonEmpty(train: readonly string[]): readonly string[] {
  if (train.length > 0) return train
  throw new ConfigError('data.train lists no files. Name at least one file or glob.', { path: 'data.train' })
}
