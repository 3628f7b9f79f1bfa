import type { ModelConfig } from './types.js'

type Shape = Pick<ModelConfig, 'width' | 'feedForward' | 'layers' | 'heads'>

/** The four models of the paper (arXiv 2407.12665); vocabulary 32,000, context 2,048, as many kv heads as query heads. */
const paper = {
  '370m': { width: 1024, feedForward: 2752, layers: 24, heads: 16 },
  '780m': { width: 1536, feedForward: 4128, layers: 24, heads: 16 },
  '1.3b': { width: 2048, feedForward: 5504, layers: 24, heads: 16 },
  '2.7b': { width: 2560, feedForward: 6880, layers: 32, heads: 32 },
} satisfies Record<string, Shape>

/**
 * Models for a laptop's CPU, heads of 64. The name counts the parameters of the layers alone, because at these sizes
 * the tokenizer decides how large embedding and head are: 1m and 3m suit the bytes tokenizer and minutes of training,
 * 5m and 25m a vocabulary of some thousands and hours, 85m (the shape of GPT-2 small) a night.
 */
const small = {
  '1m': { width: 128, feedForward: 352, layers: 4, heads: 2 },
  '3m': { width: 192, feedForward: 512, layers: 6, heads: 3 },
  '5m': { width: 256, feedForward: 688, layers: 6, heads: 4 },
  '25m': { width: 512, feedForward: 1376, layers: 8, heads: 8 },
  '85m': { width: 768, feedForward: 2048, layers: 12, heads: 12 },
} satisfies Record<string, Shape>

export const presets: Readonly<Record<string, Readonly<Shape>>> = { ...small, ...paper }

/** What a model has unless told otherwise. Vocabulary, width, layers and heads have no default. */
export const modelDefaults = {
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  tiedHead: false,
  initStd: 0.02,
} as const

/** Feed-forward width of LLaMA: two thirds of 4·C, rounded up to a multiple of 64. */
export function defaultFeedForward(width: number): number {
  return Math.ceil((8 * width) / 3 / 64) * 64
}
