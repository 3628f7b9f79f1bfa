import type { ModelConfig } from '../config/types.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import { InferenceSession, type Sampling } from '../model/inference.js'
import type { FlatParameters } from '../model/weights.js'
import type { Device } from '../native/device.js'

/** A model that can write: on a device, with its tokenizer. */
export interface Writer {
  readonly device: Device
  readonly model: ModelConfig
  readonly weights: FlatParameters
  readonly tokenizer: Tokenizer
  /** T: positions the model was trained with. */
  readonly context: number
}

export interface GenerateOptions extends Partial<Sampling> {
  /** Tokens to write at most. */
  readonly maxTokens?: number
  readonly signal?: AbortSignal | undefined
}

export const generateDefaults = { maxTokens: 256, temperature: 0.8, topK: 0, topP: 0.95, seed: 1 } as const

/**
 * Text that follows `prompt`, piece by piece, until `maxTokens` or the end-of-text token. The same options give the
 * same text. A prompt and its continuation may be longer than the context: then the oldest half is forgotten.
 */
export async function* generate(
  writer: Writer,
  prompt: string,
  options: GenerateOptions = {},
): AsyncGenerator<string, void, void> {
  const { maxTokens, temperature, topK, topP, seed } = { ...generateDefaults, ...options }
  const { device, model, weights, tokenizer, context } = writer
  const session = new InferenceSession(device, model, weights, context, { temperature, topK, topP, seed })
  try {
    const decoder = tokenizer.createDecoder()
    let written = 0
    if (maxTokens <= 0) return
    for await (const token of session.tokens(tokenizer.encode(prompt, { bos: true }))) {
      options.signal?.throwIfAborted()
      // A vocabulary padded beyond the tokenizer's has ids that mean nothing; an untrained model may draw them.
      if (token === tokenizer.eosId || token >= tokenizer.vocabSize) break
      const piece = decoder.push(token)
      if (piece) yield piece
      if (++written === maxTokens) break
    }
    const rest = decoder.end()
    if (rest) yield rest
  } finally {
    session.dispose()
  }
}
