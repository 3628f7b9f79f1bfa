import { describe, expect, it } from 'vitest'
import { completeConfig } from '../../lib/config/complete.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { UserConfig } from '../../lib/config/schema.js'
import type { RunConfig } from '../../lib/config/types.js'
import { ConfigError } from '../../lib/errors.js'

const data = { train: 'text/*.jsonl', tokenizer: 'bytes' }
const schedule = { totalSteps: 180, batchTokens: 8192, context: 256 }

function run(
  config: Partial<UserConfig>,
  facts = { vocabSize: 258 } as { vocabSize?: number; corpusTokens?: number },
): RunConfig {
  return completeConfig(resolveConfig({ model: '1m', data, schedule, ...config }), facts)
}

function refusal(config: unknown): ConfigError {
  try {
    completeConfig(resolveConfig(config as UserConfig), { vocabSize: 258 })
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return error as ConfigError
  }
  throw new Error('accepted')
}

describe('the paper’s plan', () => {
  it('reads a fixed number of tokens a step, the first λ of the steps in patches, with T positions in both stages', () => {
    const config = completeConfig(
      resolveConfig({
        model: '370m',
        data,
        schedule: {
          totalSteps: 180_000,
          batchTokens: 2_097_152,
          context: 2048,
          patchSize: 4,
          patchFraction: 2 / 3,
        },
      }),
      { vocabSize: 32_000 },
    )
    expect(config.stages).toMatchObject([
      { name: 'patch', patchSize: 4, steps: 120_000, context: 2048, batchSequences: 256 },
      { name: 'token', patchSize: 1, steps: 60_000, context: 2048, batchSequences: 1024, carry: 'weights' },
    ])
    for (const stage of config.stages) {
      expect(stage.scheduleSpan).toBe('stage')
      expect(stage.learningRate).toEqual({
        shape: 'cosine',
        peak: 3e-4,
        warmupSteps: 2000,
        decaySteps: 0,
        floor: 0,
      })
    }
    expect(config.optimizer).toEqual({ betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, gradientClip: 1 })
    expect(config.model).toMatchObject({
      vocabSize: 32_000,
      width: 1024,
      feedForward: 2752,
      headDim: 64,
      kvHeads: 16,
    })
  })

  it('takes λ as a fraction in text, because YAML cannot write two thirds', () => {
    expect(run({ schedule: { ...schedule, patchFraction: '2/3' } })).toEqual(run({}))
  })

  it('leaves out a stage of share 0', () => {
    expect(run({ schedule: { ...schedule, patchFraction: 0 } }).stages).toMatchObject([
      { patchSize: 1, steps: 180 },
    ])
    expect(run({ schedule: { ...schedule, patchFraction: 1 } }).stages).toMatchObject([
      { patchSize: 4, steps: 180 },
    ])
  })

  it('splits epochs as it splits steps, once the corpus is known', () => {
    const epochs = { epochs: 6, batchTokens: 8192, context: 256 }
    const { stages } = run({ schedule: epochs }, { vocabSize: 258, corpusTokens: 819_200 })
    expect(stages.map((stage) => stage.steps)).toEqual([400, 200])
    expect(() => run({ schedule: epochs })).toThrow(/size of the corpus is not known/)
    expect(() => run({ schedule: epochs }, { vocabSize: 258, corpusTokens: 99 })).toThrow(
      /less than one step/,
    )
  })
})

describe('recipes', () => {
  it('token is the baseline: the same steps and tokens with K = 1', () => {
    expect(run({ schedule: { ...schedule, recipe: 'token' } }).stages).toMatchObject([
      { name: 'token', patchSize: 1, steps: 180, batchSequences: 32 },
    ])
    expect(
      refusal({ model: '1m', data, schedule: { ...schedule, recipe: 'token', patchSize: 4 } }).path,
    ).toBe('schedule.patchSize')
  })

  it('superposition holds positions constant, carries all state and has one warmup-stable-decay schedule', () => {
    const { stages } = run({
      schedule: { ...schedule, recipe: 'superposition', patchSize: 8, patchFraction: 0.3 },
    })
    expect(stages).toMatchObject([
      { patchSize: 8, steps: 54, batchSequences: 32, carry: 'all', scheduleSpan: 'run' },
      { patchSize: 1, steps: 126, batchSequences: 32, carry: 'all', scheduleSpan: 'run' },
    ])
    expect(stages[0]!.learningRate).toMatchObject({
      shape: 'warmup-stable-decay',
      warmupSteps: 9,
      decaySteps: 36,
    })
    expect(stages[1]!.learningRate).toEqual(stages[0]!.learningRate)
  })

  it('superposition in epochs keeps its share of the steps', () => {
    const { stages } = run(
      {
        schedule: {
          recipe: 'superposition',
          epochs: 3.1,
          batchTokens: 1024,
          context: 256,
          patchSize: 8,
          patchFraction: 0.3,
        },
      },
      { vocabSize: 258, corpusTokens: 1_024_000 },
    )
    expect(stages.map((stage) => stage.steps)).toEqual([300, 700])
  })
})

describe('stages as a list', () => {
  it('K = 8 → 4 → 1: context and batch hold until another is given', () => {
    const { stages } = run({
      schedule: undefined,
      stages: [
        { patchSize: 8, steps: 10, context: 128, batchTokens: 8192 },
        { patchSize: 4, steps: 10 },
        {
          patchSize: 1,
          steps: 20,
          context: 256,
          learningRate: { peak: 1e-4, shape: 'linear' },
          carry: 'all',
        },
      ],
    })
    expect(stages).toMatchObject([
      { name: 'patch-8', context: 128, batchSequences: 8, learningRate: { peak: 3e-4, shape: 'cosine' } },
      { name: 'patch-4', context: 128, batchSequences: 16 },
      {
        name: 'token',
        context: 256,
        batchSequences: 32,
        learningRate: { peak: 1e-4, shape: 'linear' },
        carry: 'all',
      },
    ])
  })

  it('refuses half a schedule over the run', () => {
    const stages = [
      { patchSize: 4, steps: 10, context: 64, batchTokens: 1024, scheduleSpan: 'run' },
      { patchSize: 1, steps: 10 },
    ]
    expect(refusal({ model: '1m', data, stages }).message).toMatch(/scheduleSpan must be the same/)
    const rates = [{ ...stages[0] }, { patchSize: 1, steps: 10, scheduleSpan: 'run', learningRate: 1e-3 }]
    expect(refusal({ model: '1m', data, stages: rates }).path).toBe('stages.1.learningRate')
  })
})

describe('a micro-batch', () => {
  it('divides the batch and holds about 4,096 positions', () => {
    const micro = (context: number, batchSequences: number) =>
      run({ schedule: undefined, stages: [{ patchSize: 1, steps: 9, context, batchSequences }] }).stages[0]!
        .microBatchSequences
    expect(micro(256, 32)).toBe(16)
    expect(micro(256, 4)).toBe(4)
    expect(micro(1024, 7)).toBe(7)
    expect(micro(2048, 1024)).toBe(2)
    expect(micro(16_384, 8)).toBe(1)
    expect(micro(64, 97)).toBe(97)
    expect(micro(256, 97)).toBe(1)
  })

  it('given, must divide the batch', () => {
    const error = refusal({ model: '1m', data, schedule: { ...schedule, microBatchSequences: 3 } })
    expect(error.path).toBe('schedule.microBatchSequences')
    expect(error.message).toContain('Possible: 1, 2, 4, 8.')
  })
})

describe('the vocabulary', () => {
  it('is the tokenizer’s unless given, and never smaller', () => {
    expect(run({}).model.vocabSize).toBe(258)
    expect(run({ model: { preset: '1m', vocabSize: 320 } }).model.vocabSize).toBe(320)
    expect(() => run({ model: { preset: '1m', vocabSize: 200 } })).toThrow(
      /tokenizer 'bytes' has 258 entries/,
    )
    expect(() => run({}, {})).toThrow(/not known/)
  })
})

describe('the resolved configuration', () => {
  it('resolves to itself', () => {
    for (const config of [run({}), run({ schedule: { ...schedule, recipe: 'superposition' } })]) {
      expect(completeConfig(resolveConfig(config), { vocabSize: 258 })).toEqual(config)
    }
  })

  it('is frozen to the leaves', () => {
    const config = run({})
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.stages[0]!.learningRate)).toBe(true)
    expect(Object.isFrozen(config.data.train)).toBe(true)
  })

  it('holds nothing out when validation files are given', () => {
    expect(run({ data: { ...data, validation: 'v.jsonl' } }).data).toMatchObject({
      validation: ['v.jsonl'],
      validationFraction: 0,
    })
    expect(run({}).data).toMatchObject({
      validation: [],
      validationFraction: 0.01,
      cache: '.patchtrain/tokens',
    })
  })

  it('has a name and a folder that follow from one another', () => {
    expect(run({})).toMatchObject({ name: '1m-patch', out: 'runs/1m-patch' })
    expect(run({ name: 'a' })).toMatchObject({ name: 'a', out: 'runs/a' })
    expect(run({ out: 'there/b' })).toMatchObject({ name: 'b', out: 'there/b' })
  })
})

describe('what cannot be right is refused with the path and the remedy', () => {
  const valid = { model: '1m', data, schedule }
  const cases: [string, unknown, string, RegExp][] = [
    [
      'a mistyped key',
      { ...valid, schedule: { ...schedule, patchSiz: 4 } },
      'schedule',
      /unknown key 'patchSiz'; did you mean 'patchSize'\?/,
    ],
    ['a key like no other', { ...valid, zzzzzzzzzz: 1 }, '', /known keys: name, model/],
    [
      'a mistyped model key',
      { ...valid, model: { preset: '1m', layer: 4 } },
      'model',
      /did you mean 'layers'\?/,
    ],
    ['an unknown preset', { ...valid, model: '371m' }, 'model', /Did you mean '370m'\?/],
    ['half a model', { ...valid, model: { width: 64 } }, 'model.layers', /is missing/],
    ['a wrong type', { ...valid, model: 7 }, 'model', /expected string or object, received number/],
    ['no data', { model: '1m', schedule }, 'data', /missing; expected object/],
    ['no files', { ...valid, data: { train: [] } }, 'data.train', /lists no files/],
    ['no plan', { model: '1m', data }, 'schedule', /plan is missing/],
    ['two plans', { ...valid, stages: [{ patchSize: 1, steps: 1 }] }, 'stages', /keep one/],
    [
      'no length',
      { ...valid, schedule: { batchTokens: 8192, context: 256 } },
      'schedule.totalSteps',
      /is missing/,
    ],
    ['two lengths', { ...valid, schedule: { ...schedule, epochs: 2 } }, 'schedule.totalSteps', /given twice/],
    [
      'a batch of parts of sequences',
      { ...valid, schedule: { ...schedule, batchTokens: 10_000 } },
      'schedule.batchTokens',
      /K·T = 4·256 = 1024 tokens each\. Nearest valid: 9216 and 10240\./,
    ],
    [
      'a batch below one sequence',
      { ...valid, schedule: { ...schedule, batchTokens: 100 } },
      'schedule.batchTokens',
      /Nearest valid: 1024\./,
    ],
    [
      'λ above 1',
      { ...valid, schedule: { ...schedule, patchFraction: 1.5 } },
      'schedule.patchFraction',
      /<=1/,
    ],
    [
      'λ that is no number',
      { ...valid, schedule: { ...schedule, patchFraction: 'half' } },
      'schedule.patchFraction',
      /fraction such as '2\/3'/,
    ],
    [
      'too few steps for two stages',
      { ...valid, schedule: { ...schedule, totalSteps: 1 } },
      'schedule.totalSteps',
      /has no step/,
    ],
    [
      'heads that do not divide',
      { ...valid, model: { preset: '1m', heads: 3 } },
      'model.heads',
      /not divisible by 3 heads/,
    ],
    [
      'kvHeads that do not divide',
      { ...valid, model: { preset: '5m', kvHeads: 3 } },
      'model.kvHeads',
      /must divide heads: 1, 2, 4/,
    ],
    ['an odd head', { ...valid, model: { preset: '1m', headDim: 33 } }, 'model.headDim', /even/],
    ['a huge head', { ...valid, model: { preset: '1m', headDim: 512 } }, 'model.headDim', /up to 256/],
    [
      'a warm-up longer than the stage',
      { ...valid, optimizer: { warmupSteps: 100 } },
      'stages.1.learningRate.warmupSteps',
      /do not fit into 60 steps/,
    ],
    [
      'a decay without its shape',
      { ...valid, optimizer: { decaySteps: 5 } },
      'stages.0.learningRate.decaySteps',
      /belongs to the shape/,
    ],
    [
      'two batches in a stage',
      {
        model: '1m',
        data,
        stages: [{ patchSize: 1, steps: 1, context: 8, batchTokens: 8, batchSequences: 1 }],
      },
      'stages.0.batchSequences',
      /batchTokens and batchSequences/,
    ],
    [
      'a stage without context',
      { model: '1m', data, stages: [{ patchSize: 1, steps: 1 }] },
      'stages.0.context',
      /missing/,
    ],
    ['infinity', { ...valid, optimizer: { learningRate: Infinity } }, 'optimizer.learningRate', /./],
    ['a negative seed', { ...valid, seed: -1 }, 'seed', />=0/],
    ['a name with a slash', { ...valid, name: '../x' }, 'name', /names the run folder/],
  ]
  it.each(cases)('%s', (_, config, path, message) => {
    const error = refusal(config)
    expect(error.message).toMatch(message)
    expect(error.path).toBe(path)
    expect(error.code).toBe('ERR_CONFIG')
  })

  it('all problems of form at once', () => {
    const error = refusal({ ...valid, sed: 1, threads: -1, data: { train: 5 } })
    expect(error.message).toMatch(/^configuration: 3 problems/)
  })
})
