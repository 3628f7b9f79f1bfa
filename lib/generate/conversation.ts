import { InferenceSession } from '../model/inference.js'
import type { Writer } from './generate.js'
import { checkedOptions, refuse, type CheckedOptions, type GenerateOptions } from './options.js'
import { ChatTemplate, defaultTemplate, type Turn } from './template.js'
import { TextStream, type GenerationEnd } from './text-stream.js'

export interface ConversationOptions extends Omit<GenerateOptions, 'signal' | 'batchSize'> {
  /** A turn with `{user}` and `{assistant}` in their places. */
  readonly template?: string
}

/**
 * Question and answer with a model. It remembers the turns as far as its context reaches: when a question and the room
 * for its answer would not fit, the oldest turns go. What the cache holds of the text already is not read again.
 */
export class Conversation {
  readonly #writer: Writer
  readonly #session: InferenceSession
  readonly #template: ChatTemplate
  readonly #options: CheckedOptions
  #turns: Turn[] = []
  #asked = 0

  /** @throws {ConfigError} for a template or options that make no sense */
  constructor(writer: Writer, options: ConversationOptions = {}) {
    const { template = defaultTemplate, ...generation } = options
    this.#template = new ChatTemplate(template)
    const checked = checkedOptions(generation)
    this.#options = { ...checked, stop: [...this.#template.stops(), ...checked.stop] }
    this.#writer = writer
    this.#session = new InferenceSession(writer.device, writer.model, writer.weights, writer.context)
  }

  /** The turns that are remembered. */
  get turns(): readonly Turn[] {
    return this.#turns
  }

  /**
   * The answer, piece by piece, without the white space around it. What was given out before it was stopped, by the
   * signal or because nobody asks for more, is remembered as the answer.
   */
  async *answer(user: string, signal?: AbortSignal): AsyncGenerator<string, GenerationEnd, void> {
    if (typeof user !== 'string') refuse('user', user, 'a text')
    signal?.throwIfAborted()
    const { sampling, stop, maxTokens } = this.#options
    const ids = this.#fittingPrompt(user)
    const seed = sampling.seed + this.#asked++
    let answer = ''
    try {
      if (maxTokens === 0) return { reason: 'length', tokens: 0 }
      await this.#session.start(0, ids, { ...sampling, seed }, true)
      const stream = new TextStream(this.#writer.tokenizer, ids, stop, maxTokens)
      for (;;) {
        signal?.throwIfAborted()
        const [token] = await this.#session.next([0])
        const { text, end } = stream.push(token!)
        const piece = answer === '' ? text.trimStart() : text
        answer += piece
        if (piece) yield piece
        if (end) return end
      }
    } finally {
      this.#turns.push({ user, assistant: answer.trimEnd() })
    }
  }

  dispose(): void {
    this.#session.dispose()
  }

  /** Forgets as many of the oldest turns as it takes. */
  #fittingPrompt(user: string): Int32Array {
    const { context, tokenizer } = this.#writer
    const room = Math.min(this.#options.maxTokens, Math.floor(context / 2))
    for (;;) {
      const ids = tokenizer.encode(this.#template.prompt(this.#turns, user), { bos: true })
      if (ids.length + room <= context || this.#turns.length === 0) return ids
      this.#turns = this.#turns.slice(1)
    }
  }
}
