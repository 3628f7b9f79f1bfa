import { expectTypeOf, test } from 'vitest'
import type { PatchTrainer } from '../lib/index.js'
import {
  type EvaluationEvent,
  type GenerationEnd,
  type LoadedModel,
  type RunConfig,
  type RunPlan,
  type StepEvent,
  type TrainEvent,
  type UserConfig,
  generate,
  loadModel,
} from '../lib/index.js'

test('a configuration takes what the README shows, and nothing misspelt', () => {
  const config: UserConfig = {
    model: '370m',
    data: {
      train: ['pile/*.jsonl.zst'],
      validation: 'wikitext-test.jsonl',
      tokenizer: 'llama2/tokenizer.json',
    },
    schedule: {
      totalSteps: 180_000,
      batchTokens: 2_097_152,
      context: 2048,
      patchSize: 4,
      patchFraction: 2 / 3,
    },
    optimizer: {
      learningRate: 3e-4,
      warmupSteps: 2_000,
      betas: [0.9, 0.95],
      weightDecay: 0.1,
      gradientClip: 1,
    },
    device: 'auto',
    out: 'runs/pile-370m',
  }
  expectTypeOf<Parameters<typeof PatchTrainer.create>[0]>().toExtend<UserConfig | RunConfig>()
  // @ts-expect-error a key that does not exist
  const misspelt: UserConfig = { ...config, patchsize: 4 }
  const schedule = { totalSteps: 1, batchTokens: 1, context: 1 }
  // @ts-expect-error a recipe that does not exist
  const unknown: UserConfig = { ...config, schedule: { ...schedule, recipe: 'patches' } }
  void [misspelt, unknown]
})

test('events are told apart by their type', () => {
  expectTypeOf<ReturnType<PatchTrainer['train']>>().toEqualTypeOf<AsyncGenerator<TrainEvent, void, void>>()
  const seen = (event: TrainEvent) => {
    if (event.type === 'step') expectTypeOf(event).toEqualTypeOf<StepEvent>()
    if (event.type === 'evaluation') expectTypeOf(event).toEqualTypeOf<EvaluationEvent>()
  }
  expectTypeOf(seen).parameters.toEqualTypeOf<[TrainEvent]>()
})

test('what is decided cannot be changed', () => {
  expectTypeOf<PatchTrainer['config']>().toEqualTypeOf<RunConfig>()
  // @ts-expect-error the resolved configuration is read-only
  const change = (config: RunConfig) => (config.seed = 2)
  void change
  expectTypeOf<ReturnType<PatchTrainer['plan']>>().toEqualTypeOf<RunPlan>()
})

test('a loaded model writes', () => {
  expectTypeOf(loadModel).returns.resolves.toEqualTypeOf<LoadedModel>()
  expectTypeOf(generate)
    .parameter(0)
    .toExtend<Pick<LoadedModel, 'device' | 'model' | 'weights' | 'tokenizer' | 'context'>>()
  expectTypeOf(generate({} as LoadedModel, '')).toEqualTypeOf<AsyncGenerator<string, GenerationEnd, void>>()
})
