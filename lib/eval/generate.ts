import type { ModelConfig } from '../config/types.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import { ConfigError } from '../errors.js'
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
  const { maxTokens, temperature, topK, topP, seed } = checked({ ...generateDefaults, ...options })
  const { device, model, weights, tokenizer, context } = writer
  if (maxTokens === 0) return
  const session = new InferenceSession(device, model, weights, context, { temperature, topK, topP, seed })
  try {
    const ids = tokenizer.encode(prompt, { bos: true })
    // The decoder goes through the prompt first: only the start of a whole text loses its leading space.
    const decoder = tokenizer.createDecoder()
    for (const id of ids) decoder.push(id)
    let written = 0
    for await (const token of session.tokens(ids)) {
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

type Checked = Required<Omit<GenerateOptions, 'signal'>>

/** @throws {ConfigError} before a token is written */
function checked(options: Checked): Checked {
  const { maxTokens, temperature, topK, topP, seed } = options
  const refuse = (name: string, value: unknown, needed: string): never => {
    throw new ConfigError(`${name} is ${String(value)}; it must be ${needed}.`, { path: name })
  }
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 0
  if (!whole(maxTokens)) refuse('maxTokens', maxTokens, 'a whole number, 0 or more')
  if (!(temperature >= 0 && temperature <= 100)) refuse('temperature', temperature, 'between 0 and 100')
  if (!whole(topK)) refuse('topK', topK, 'a whole number, 0 for all tokens')
  if (!(topP > 0 && topP <= 1)) refuse('topP', topP, 'above 0 and at most 1')
  if (!whole(seed)) refuse('seed', seed, 'a whole number, 0 or more')
  return options
}
