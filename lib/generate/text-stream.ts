import type { IncrementalDecoder, Tokenizer } from '../data/tokenizer/tokenizer.js'
import { StopScanner } from './stop-scanner.js'

/** Why a text ended: `length` maxTokens were written, `stop` a stop string came, `end` the end-of-text token. */
export interface GenerationEnd {
  readonly reason: 'length' | 'stop' | 'end'
  /** Tokens written, the last one included. */
  readonly tokens: number
}

export interface TextPiece {
  /** May be empty: half a character is never given out, nor what may become a stop string. */
  readonly text: string
  /** With the last piece. */
  readonly end: GenerationEnd | undefined
}

/** Turns the tokens of one continuation into text, up to its end. */
export class TextStream {
  readonly #tokenizer: Tokenizer
  readonly #decoder: IncrementalDecoder
  readonly #scanner: StopScanner
  readonly #maxTokens: number
  #tokens = 0

  /** @param prompt it is decoded first: only the start of a whole text loses its leading space */
  constructor(tokenizer: Tokenizer, prompt: ArrayLike<number>, stop: readonly string[], maxTokens: number) {
    this.#tokenizer = tokenizer
    this.#decoder = tokenizer.createDecoder()
    for (let i = 0; i < prompt.length; i++) this.#decoder.push(prompt[i]!)
    this.#scanner = new StopScanner(stop)
    this.#maxTokens = maxTokens
  }

  push(token: number): TextPiece {
    this.#tokens++
    // A vocabulary padded beyond the tokenizer's has ids that mean nothing; an untrained model may draw them.
    if (token === this.#tokenizer.eosId || token >= this.#tokenizer.vocabSize) return this.#end('end', '')
    const { text, stopped } = this.#scanner.push(this.#decoder.push(token))
    if (stopped) return { text, end: { reason: 'stop', tokens: this.#tokens } }
    if (this.#tokens === this.#maxTokens) return this.#end('length', text)
    return { text, end: undefined }
  }

  /** With what decoder and scanner held back; a stop string may only now be whole. */
  #end(reason: GenerationEnd['reason'], text: string): TextPiece {
    const last = this.#scanner.push(this.#decoder.end())
    const rest = last.stopped ? last.text : last.text + this.#scanner.end()
    return { text: text + rest, end: { reason: last.stopped ? 'stop' : reason, tokens: this.#tokens } }
  }
}
