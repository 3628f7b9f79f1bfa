import type { BpeTokenizerOptions, NativeBpeDecoder, NativeBpeTokenizer } from './addon.js'
import { loadAddon } from './load.js'
import { translate, translateAsync } from './translate.js'

/** The native half of a BPE tokenizer: what it refuses arrives as a typed error. */
export class BpeEngine {
  /** As many threads as this process may use. */
  readonly allowedThreads: number
  readonly #native: NativeBpeTokenizer

  /** @throws {NativeError} when the pieces make no usable vocabulary. */
  constructor(options: BpeTokenizerOptions) {
    const { addon } = loadAddon()
    this.allowedThreads = addon.allowedThreads()
    this.#native = translate(() => new addon.BpeTokenizer(options))
  }

  encode(text: string, bos: boolean, eos: boolean): Int32Array {
    return translate(() => this.#native.encode(text, bos, eos))
  }

  encodeBatch(
    texts: readonly string[],
    bos: boolean,
    eos: boolean,
    threads: number,
  ): Promise<{ ids: Int32Array; offsets: Int32Array }> {
    return translateAsync(translate(() => this.#native.encodeBatch(texts, bos, eos, threads)))
  }

  decode(ids: Int32Array): string {
    return translate(() => this.#native.decode(ids))
  }

  piece(id: number): string {
    return translate(() => this.#native.piece(id))
  }

  createDecoder(): NativeBpeDecoder {
    const { addon } = loadAddon()
    const decoder = translate(() => new addon.BpeDecoder(this.#native))
    return { push: (id) => translate(() => decoder.push(id)), end: () => translate(() => decoder.end()) }
  }

  dispose(): void {
    this.#native.dispose()
  }
}
