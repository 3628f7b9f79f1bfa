import type { TokenSource } from '../data/shards/token-source.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import type { BlockEvaluator } from '../objective/evaluation.js'

export interface ValidationResult {
  /** Mean next-token loss, nats. */
  readonly loss: number
  readonly perplexity: number
  readonly bitsPerByte: number
}

/**
 * Scores the same validation tokens again and again while a model trains: always token by token, in blocks of T as the
 * paper does, whatever the patch size of the stage.
 */
export class Validation {
  readonly blocks: number
  readonly #source: TokenSource
  readonly #evaluator: BlockEvaluator
  readonly #tokenizer: Tokenizer
  #bytesPerToken: number | undefined

  /** @param maxTokens of the source that are used; 0: all */
  constructor(source: TokenSource, evaluator: BlockEvaluator, tokenizer: Tokenizer, maxTokens: number) {
    const { positions } = evaluator.shape
    const tokens = maxTokens > 0 ? Math.min(maxTokens, source.tokens) : source.tokens
    this.blocks = Math.floor(tokens / positions)
    this.#source = source
    this.#evaluator = evaluator
    this.#tokenizer = tokenizer
  }

  async run(signal?: AbortSignal): Promise<ValidationResult> {
    const { positions } = this.#evaluator.shape
    const { loss } = await this.#evaluator.evaluate(
      this.blocks,
      (first, ids) => this.#source.read(first * positions, ids),
      { signal },
    )
    this.#bytesPerToken ??= await this.#measureBytesPerToken()
    return {
      loss,
      perplexity: Math.exp(loss),
      bitsPerByte: loss / (this.#bytesPerToken * Math.LN2),
    }
  }

  async #measureBytesPerToken(): Promise<number> {
    const { positions } = this.#evaluator.shape
    let bytes = 0
    const ids = new Int32Array(positions)
    for (let block = 0; block < this.blocks; block++) {
      await this.#source.read(block * positions, ids)
      bytes += Buffer.byteLength(this.#tokenizer.decode(ids))
    }
    return bytes / (this.blocks * positions)
  }
}
