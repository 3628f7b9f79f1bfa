import { readFileSync } from 'node:fs'
import type { LearningRateConfig, ModelConfig, OptimizerConfig, StageConfig } from '../../lib/config/types.js'
import { goldenIds, goldenWeight } from './golden-weights.js'
import { readGoldenTensors } from './safetensors.js'
import type { StoredTensor } from './safetensors.js'

const folder = new URL('../golden/', import.meta.url)
const readJson = (path: string) => JSON.parse(readFileSync(new URL(path, folder), 'utf8')) as unknown

/** One model of test/golden/models, as transformers computes it in float64. */
export interface GoldenModel {
  readonly name: string
  readonly patchSize: number
  readonly config: ModelConfig
  /** [B][S] */
  readonly ids: readonly (readonly number[])[]
  readonly loss: number
  /** Hugging Face names in the order of the checkpoint; a tied head is not listed. */
  readonly weightNames: readonly string[]
  readonly weightsSha256: string
  /**
   * How far transformers' own float32 run is from its float64 run: largest difference over largest value, the worst of
   * many orders of summation.
   */
  readonly float32Error: {
    readonly loss: number
    readonly logits: number
    readonly gradients: Readonly<Record<string, number>>
  }
}

export const goldenModels = readJson('models/index.json') as GoldenModel[]

/** `logits` [B, T, V] f64 and `gradient.NAME` for every weight (f64 rounded to f32). */
export function goldenModelTensors(golden: GoldenModel): Map<string, StoredTensor> {
  return readGoldenTensors(new URL(`models/${golden.name}.safetensors`, folder))
}

/**
 * What our float32 may be wrong by: the rule of tolerance.ts, twice the naive form's error, with transformers' float32 as
 * the naive form. The yardstick is the worst naive error among all weights of the model: an error spreads through the
 * residual stream, and in which weight it shows most is chance. (Weight by weight, ours is 0.7 of the naive error in the
 * median and 2.6 of it at worst, over 1,855 weights.)
 */
export function allowedError(ofAllWeights: readonly number[]): number {
  return 2 * Math.max(...ofAllWeights)
}

/** A model of which only the loss and one slope for each weight are kept. */
export interface GoldenShape {
  readonly config: ModelConfig
  readonly patchSize: number
  readonly sequences: number
  readonly positions: number
  /** Where its tokens start in the stream of goldenIds. */
  readonly firstId: number
  readonly loss: number
  /** For each weight of {@link weightNames}: the slope of the loss along {@link goldenDirection}. */
  readonly slopes: readonly number[]
  /** For each weight: the error of transformers' float32 gradient, as in {@link GoldenModel}. */
  readonly float32Errors: readonly number[]
}

export const goldenShapes = readJson('shapes.json') as GoldenShape[]

/** [B][K·T] */
export function goldenBatch(golden: GoldenShape): Int32Array[] {
  const { sequences, positions, patchSize, firstId, config } = golden
  const tokens = positions * patchSize
  return Array.from({ length: sequences }, (_, b) =>
    goldenIds(firstId + b * tokens, tokens, config.vocabSize),
  )
}

/** A random direction in the space of one weight; the slope along it involves every element of the gradient. */
export function goldenDirection(name: string, size: number): Float32Array {
  return goldenWeight(`direction of ${name}`, [size, 1])
}

/** For test titles. */
export function describeShape({ config, patchSize, sequences, positions }: GoldenShape): string {
  const { width, layers, heads, kvHeads, headDim, tiedHead } = config
  const head = tiedHead ? 'tied' : 'untied'
  return `D ${headDim}, K ${patchSize}, H ${heads}, G ${kvHeads}, ${head}, C ${width}, L ${layers}, B ${sequences}, T ${positions}`
}

/** Shape of a weight by its Hugging Face name. */
export function weightShape(model: ModelConfig, name: string): number[] {
  const { vocabSize: V, width: C, feedForward: F, heads: H, kvHeads: G, headDim: D } = model
  const kind = name.split('.').at(-2)!
  switch (kind) {
    case 'embed_tokens':
    case 'lm_head':
      return [V, C]
    case 'q_proj':
      return [H * D, C]
    case 'k_proj':
    case 'v_proj':
      return [G * D, C]
    case 'o_proj':
      return [C, H * D]
    case 'gate_proj':
    case 'up_proj':
      return [F, C]
    case 'down_proj':
      return [C, F]
    default: // input_layernorm, post_attention_layernorm, norm
      return [C]
  }
}

/** Hugging Face names of all weights, in the order of the checkpoint. */
export function weightNames(model: ModelConfig): string[] {
  const names = ['model.embed_tokens.weight']
  for (let l = 0; l < model.layers; l++) {
    for (const projection of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) {
      names.push(`model.layers.${l}.self_attn.${projection}.weight`)
    }
    for (const projection of ['gate_proj', 'up_proj', 'down_proj']) {
      names.push(`model.layers.${l}.mlp.${projection}.weight`)
    }
    names.push(
      `model.layers.${l}.input_layernorm.weight`,
      `model.layers.${l}.post_attention_layernorm.weight`,
    )
  }
  names.push('model.norm.weight')
  if (!model.tiedHead) names.push('lm_head.weight')
  return names
}

/** The formula's weights for a model of any shape, under their Hugging Face names. */
export function goldenWeights(model: ModelConfig): Map<string, Float32Array> {
  return new Map(weightNames(model).map((name) => [name, goldenWeight(name, weightShape(model, name))]))
}

/** One learning-rate schedule of transformers: its rate at every step. */
export interface GoldenSchedule {
  readonly learningRate: LearningRateConfig
  readonly totalSteps: number
  readonly rates: readonly number[]
}

export const goldenSchedules = readJson('schedules.json') as GoldenSchedule[]

/** Ten steps of torch's AdamW in float64, through a stage switch. */
export interface GoldenTraining {
  readonly model: ModelConfig
  /** Where the tokens of the first micro-batch start in the stream of goldenIds; each next one follows on. */
  readonly firstId: number
  readonly stages: readonly StageConfig[]
  readonly optimizer: OptimizerConfig
  readonly steps: readonly {
    readonly loss: number
    /** Of the gradient before it is clipped. */
    readonly norm: number
    readonly rate: number
  }[]
  /** Of the same training in float32, as in {@link GoldenModel}: relative for loss and norm, by weight at both ends. */
  readonly float32Error: {
    readonly steps: readonly { readonly loss: number; readonly norm: number }[]
    readonly switch: Readonly<Record<string, number>>
    readonly final: Readonly<Record<string, number>>
  }
}

export const goldenTraining = readJson('training/training.json') as GoldenTraining

/** `switch.NAME` and `final.NAME` for every weight: after the first stage and at the end (f64 rounded to f32). */
export function goldenTrainingTensors(): Map<string, StoredTensor> {
  return readGoldenTensors(new URL('training/training.safetensors', folder))
}
