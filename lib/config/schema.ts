import { z } from 'zod'
import { nearest } from '../errors.js'

/**
 * What users write. Every object is strict: a key that does not exist is an error with a suggestion, because a
 * mistyped option that is silently ignored costs a training run.
 *
 * The schema accepts a superset of the resolved `RunConfig`, so a resolved configuration is itself valid input.
 */

const strict = <S extends z.ZodRawShape>(shape: S) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownKeys(issue.keys, Object.keys(shape)) : undefined,
  })

function unknownKeys(keys: readonly string[], known: readonly string[]): string {
  return keys
    .map((key) => {
      const meant = nearest(key, known)
      return `unknown key '${key}'; ${meant ? `did you mean '${meant}'?` : `known keys: ${known.join(', ')}`}`
    })
    .join('\n')
}

const count = z.int().positive()
const countOrZero = z.int().nonnegative()
/** Far beyond any model there is, and small enough to count with: a mistyped zero must not take minutes to refuse. */
const dimension = z
  .int()
  .positive()
  .max(1 << 24)
const layerCount = z
  .int()
  .positive()
  .max(1 << 14)
const share = z.number().min(0).max(1)
const positive = z.number().positive()
const paths = z.union([
  z
    .string()
    .min(1)
    .transform((path) => [path]),
  z.array(z.string().min(1)).readonly(),
])

/** A share of 1: a number, or the text 'a/b', because YAML and flags cannot write two thirds. */
const fraction = z.union([
  z
    .string()
    .regex(/^\d+\/[1-9]\d*$/, "expected a number or a fraction such as '2/3'")
    .transform((text) => {
      const [over, under] = text.split('/')
      return Number(over) / Number(under)
    })
    .pipe(share),
  share,
])

const modelValues = strict({
  from: z.string().min(1).optional(),
  preset: z.string().optional(),
  vocabSize: dimension.optional(),
  width: dimension.optional(),
  feedForward: dimension.optional(),
  layers: layerCount.optional(),
  heads: dimension.optional(),
  kvHeads: dimension.optional(),
  headDim: dimension.optional(),
  ropeTheta: positive.optional(),
  normEpsilon: positive.optional(),
  tiedHead: z.boolean().optional(),
  initStd: positive.optional(),
})

const model = z.union([
  z.string().transform((preset): z.output<typeof modelValues> => ({ preset })),
  modelValues,
])

const data = strict({
  train: paths,
  validation: paths.optional(),
  validationFraction: z.number().min(0).lt(1).optional(),
  tokenizer: z.string().min(1).optional(),
  textField: z.string().min(1).optional(),
  cache: z.string().min(1).optional(),
})

const shape = z.enum(['cosine', 'warmup-stable-decay', 'linear', 'constant'])

/** Of one stage; whatever is left out is the optimizer's. A number is the peak. */
const learningRate = z.union([
  positive.transform((peak) => ({ peak })),
  strict({
    peak: positive.optional(),
    shape: shape.optional(),
    warmupSteps: countOrZero.optional(),
    decaySteps: countOrZero.optional(),
    floor: share.optional(),
  }),
])

const schedule = strict({
  recipe: z.enum(['patch', 'token', 'superposition']).optional(),
  totalSteps: count.optional(),
  epochs: positive.optional(),
  batchTokens: count,
  context: count,
  patchSize: count.optional(),
  patchFraction: fraction.optional(),
  microBatchSequences: count.optional(),
})

const stage = strict({
  name: z.string().min(1).optional(),
  patchSize: count,
  steps: count.optional(),
  epochs: positive.optional(),
  context: count.optional(),
  batchTokens: count.optional(),
  batchPositions: count.optional(),
  batchSequences: count.optional(),
  microBatchSequences: count.optional(),
  carry: z.enum(['weights', 'all']).optional(),
  learningRate: learningRate.optional(),
  scheduleSpan: z.enum(['stage', 'run']).optional(),
})

const beta = z.number().min(0).lt(1)

const optimizer = strict({
  learningRate: positive.optional(),
  learningRateShape: shape.optional(),
  learningRateFloor: share.optional(),
  warmupSteps: countOrZero.optional(),
  decaySteps: countOrZero.optional(),
  betas: z.tuple([beta, beta]).readonly().optional(),
  epsilon: positive.optional(),
  weightDecay: z.number().nonnegative().optional(),
  gradientClip: z.number().nonnegative().optional(),
})

export const configSchema = strict({
  name: z
    .string()
    .regex(/^[\w.-]+$/, 'letters, digits, dot, dash and underscore only: it names the run folder')
    .optional(),
  model,
  data,
  schedule: schedule.optional(),
  stages: z.array(stage).min(1).readonly().optional(),
  optimizer: optimizer.optional(),
  recompute: z.enum(['none', 'elementwise', 'layer']).optional(),
  seed: z.int().nonnegative().optional(),
  device: z.string().min(1).optional(),
  threads: countOrZero.optional(),
  out: z
    .string()
    .min(1)
    .refine((path) => !path.includes('\0'), 'a path has no NUL')
    .optional(),
  checkpoint: strict({
    everySteps: countOrZero.optional(),
    keep: z.int().min(2).optional(),
    keepEvery: countOrZero.optional(),
    keepBest: z.boolean().optional(),
  }).optional(),
  health: strict({
    nonFinite: z.enum(['stop', 'skip', 'rollback']).optional(),
    spike: z.enum(['record', 'skip', 'rollback', 'stop']).optional(),
    spikeDeviations: positive.optional(),
    window: z.int().min(2).optional(),
    budget: countOrZero.optional(),
  }).optional(),
  evaluation: strict({ everySteps: countOrZero.optional(), maxTokens: countOrZero.optional() }).optional(),
  tasks: strict({
    names: paths.optional(),
    data: z.string().min(1).optional(),
    everySteps: countOrZero.optional(),
    limit: countOrZero.optional(),
  }).optional(),
  sample: strict({
    everySteps: countOrZero.optional(),
    prompt: z.string().optional(),
    tokens: countOrZero.optional(),
  }).optional(),
})

/** The configuration as users write it: in a file, or as the argument of `PatchTrainer.create`. */
export type UserConfig = z.input<typeof configSchema>

/** The same after parsing: shorthands expanded, nothing decided yet. */
export type ParsedConfig = z.output<typeof configSchema>
export type ParsedModel = ParsedConfig['model']
export type ParsedSchedule = NonNullable<ParsedConfig['schedule']>
export type ParsedStage = NonNullable<ParsedConfig['stages']>[number]
export type ParsedOptimizer = NonNullable<ParsedConfig['optimizer']>
