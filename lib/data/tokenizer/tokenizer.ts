/** Text to token ids and back. */
export interface Tokenizer {
  /** For people: `bytes`, or the file it was loaded from. */
  readonly name: string
  /** Ids are 0 … vocabSize − 1. */
  readonly vocabSize: number
  readonly bosId: number
  readonly eosId: number
  /**
   * SHA-256, hexadecimal, of what defines the ids. Equal for `tokenizer.model` and `tokenizer.json` of one tokenizer;
   * data and models made with another one must not be mixed.
   */
  readonly fingerprint: string

  /** Blocks; for prompts and tests. Whatever the text spells, it never becomes BOS, EOS or another control token. */
  encode(text: string, options?: EncodeOptions): Int32Array

  /**
   * Encodes whole documents, in order, on threads of its own; meant for batches of some megabytes. Batches that are
   * under way together are done one after the other.
   */
  encodeDocuments(
    texts: readonly string[],
    options?: EncodeOptions & { threads?: number },
  ): Promise<EncodedDocuments>

  /**
   * Control tokens add nothing; bytes that are not UTF-8 become U+FFFD.
   * @throws {NativeError} `ERR_OUT_OF_RANGE` for an id outside the vocabulary.
   */
  decode(ids: ArrayLike<number>): string

  /** Decodes token by token, as a model generates them. */
  createDecoder(): IncrementalDecoder

  /** The token as vocabulary files write it: `▁the`, `<0x0A>`, `<s>`. */
  idToPiece(id: number): string

  /** What an exported model needs so that Hugging Face transformers finds the same tokenizer. */
  files(): Promise<readonly TokenizerFile[]>

  /** Frees threads and native memory; work under way is rejected. Idempotent. */
  dispose(): void
}

export interface EncodeOptions {
  /** Put BOS before the text. Off by default. */
  readonly bos?: boolean
  /** Put EOS after the text. Off by default. */
  readonly eos?: boolean
}

/** Document i is `ids[offsets[i]]` … `ids[offsets[i + 1] − 1]`. */
export interface EncodedDocuments {
  readonly ids: Int32Array
  /** One more than there are documents. */
  readonly offsets: Int32Array
}

/** `push` of every id and `end` give, joined, what `decode` of all ids gives; never half a character. */
export interface IncrementalDecoder {
  /** The text that is certain after this token; may be empty. */
  push(id: number): string
  /** What was held back. The decoder then begins anew. */
  end(): string
}

export interface TokenizerFile {
  readonly name: string
  readonly data: Uint8Array
}
