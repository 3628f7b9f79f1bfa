import type { ModelConfig } from '../config/types.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import { InferenceSession } from '../model/inference.js'
import type { FlatParameters } from '../model/weights.js'
import type { Device } from '../native/device.js'
import { checkedOptions, refuse, type CheckedOptions, type GenerateOptions } from './options.js'
import { TextStream, type GenerationEnd } from './text-stream.js'

/** A model that can write: on a device, with its tokenizer. */
export interface Writer {
  readonly device: Device
  readonly model: ModelConfig
  readonly weights: FlatParameters
  readonly tokenizer: Tokenizer
  /** T: positions the model was trained with. */
  readonly context: number
}

/** Text that follows one of several prompts. */
export interface BatchPiece {
  /** Which of them, from 0. */
  readonly prompt: number
  readonly text: string
  /** With the last piece of this prompt. */
  readonly end?: GenerationEnd
}

/**
 * Text that follows `prompt`, piece by piece, until `maxTokens`, a stop string or the end-of-text token; the generator
 * returns which. A token is a pure function of weights, text, options and its number, so the same options give the
 * same text. A prompt and its continuation may be longer than the context: then the oldest half is forgotten.
 * @throws {ConfigError} before anything is computed, for a prompt or options that make no sense
 */
export function generate(
  writer: Writer,
  prompt: string,
  options?: GenerateOptions,
): AsyncGenerator<string, GenerationEnd, void>
/**
 * Several prompts, `batchSize` at a time; pieces come as they are written. Prompt i is drawn with seed + i, and its
 * text on the CPU is the one it would get alone with that seed.
 */
export function generate(
  writer: Writer,
  prompts: readonly string[],
  options?: GenerateOptions,
): AsyncGenerator<BatchPiece, void, void>
export function generate(
  writer: Writer,
  prompts: string | readonly string[],
  options: GenerateOptions = {},
): AsyncGenerator<string, GenerationEnd, void> | AsyncGenerator<BatchPiece, void, void> {
  const one = typeof prompts === 'string'
  return one ? generateOne(writer, prompts, options) : generateBatch(writer, prompts, options)
}

async function* generateOne(
  writer: Writer,
  prompt: string,
  options: GenerateOptions,
): AsyncGenerator<string, GenerationEnd, void> {
  for await (const { text, end } of generateBatch(writer, [prompt], options)) {
    if (text) yield text
    if (end) return end
  }
  throw new Error('the text of a prompt has no end') // every prompt's last piece has one
}

interface Text {
  readonly prompt: number
  readonly slot: number
  readonly stream: TextStream
}

async function* generateBatch(
  writer: Writer,
  prompts: readonly string[],
  options: GenerateOptions,
): AsyncGenerator<BatchPiece, void, void> {
  const checked = checkedOptions(options)
  const { batchSize, signal, maxTokens } = checked
  checkPrompts(prompts, checked)
  signal?.throwIfAborted()
  if (maxTokens === 0) {
    for (const prompt of prompts.keys()) yield { prompt, text: '', end: { reason: 'length', tokens: 0 } }
    return
  }
  const { device, model, weights, context } = writer
  const slots = Math.min(batchSize, prompts.length)
  const session = new InferenceSession(device, model, weights, context, slots)
  try {
    const free = [...Array(slots).keys()]
    const active: Text[] = []
    let started = 0
    for (;;) {
      while (free.length > 0 && started < prompts.length)
        active.push(await startText(writer, session, checked, prompts, started++, free.shift()!))
      if (active.length === 0) return
      signal?.throwIfAborted()
      const tokens = await session.next(active.map(({ slot }) => slot))
      signal?.throwIfAborted()
      for (const [i, text] of [...active].entries()) {
        const piece = text.stream.push(tokens[i]!)
        if (piece.end) {
          active.splice(active.indexOf(text), 1)
          free.push(text.slot)
        }
        if (piece.text || piece.end) yield batchPiece(text.prompt, piece.text, piece.end)
      }
    }
  } finally {
    session.dispose()
  }
}

async function startText(
  { tokenizer }: Writer,
  session: InferenceSession,
  { sampling, stop, maxTokens, signal }: CheckedOptions,
  prompts: readonly string[],
  prompt: number,
  slot: number,
): Promise<Text> {
  signal?.throwIfAborted()
  const ids = tokenizer.encode(prompts[prompt]!, { bos: true })
  await session.start(slot, ids, { ...sampling, seed: sampling.seed + prompt })
  return { prompt, slot, stream: new TextStream(tokenizer, ids, stop, maxTokens) }
}

const batchPiece = (prompt: number, text: string, end: GenerationEnd | undefined): BatchPiece =>
  end ? { prompt, text, end } : { prompt, text }

function checkPrompts(prompts: readonly string[], { sampling }: CheckedOptions): void {
  if (!Array.isArray(prompts)) refuse('prompt', prompts, 'a text or a list of texts')
  for (const prompt of prompts) if (typeof prompt !== 'string') refuse('prompt', prompt, 'a text')
  const last = sampling.seed + prompts.length
  if (!Number.isSafeInteger(last)) refuse('seed', sampling.seed, 'small enough that seed + prompt is exact')
}
