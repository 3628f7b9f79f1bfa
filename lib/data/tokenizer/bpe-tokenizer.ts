import { DisposedError, NativeError } from '../../errors.js'
import { BpeEngine } from '../../native/tokenizer.js'
import { fingerprintOf, type BpeDefinition } from './bpe-definition.js'
import { huggingFaceFiles } from './hugging-face-files.js'
import type {
  EncodedDocuments,
  EncodeOptions,
  IncrementalDecoder,
  Tokenizer,
  TokenizerFile,
} from './tokenizer.js'

/** A LLaMA-family tokenizer: exact sentencepiece BPE, in C++. */
export class BpeTokenizer implements Tokenizer {
  readonly vocabSize: number
  readonly bosId: number
  readonly eosId: number
  readonly unkId: number
  readonly fingerprint: string
  readonly #definition: BpeDefinition
  readonly #existingFiles: () => Promise<readonly TokenizerFile[]>
  #engine: BpeEngine | undefined

  /**
   * @param existingFiles What lies beside the definition and goes into exports as it is; what is missing is written.
   * @throws {NativeError} when the definition makes no usable vocabulary.
   */
  constructor(
    readonly name: string,
    definition: BpeDefinition,
    existingFiles: () => Promise<readonly TokenizerFile[]> = () => Promise.resolve([]),
  ) {
    this.vocabSize = definition.pieces.length
    this.bosId = definition.bosId
    this.eosId = definition.eosId
    this.unkId = definition.unkId
    this.fingerprint = fingerprintOf(definition)
    this.#definition = definition
    this.#existingFiles = existingFiles
    this.#engine = createEngine(definition)
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    return this.engine.encode(text, options.bos ?? false, options.eos ?? false)
  }

  async encodeDocuments(
    texts: readonly string[],
    options: EncodeOptions & { threads?: number } = {},
  ): Promise<EncodedDocuments> {
    const { engine } = this
    const threads = options.threads ?? engine.allowedThreads
    return engine.encodeBatch(texts, options.bos ?? false, options.eos ?? false, threads)
  }

  decode(ids: ArrayLike<number>): string {
    if (ids instanceof Int32Array) return this.engine.decode(ids)
    const copy = Int32Array.from(ids)
    // The conversion wraps what an int32 cannot hold, which could make a valid id of an invalid one.
    for (let i = 0; i < copy.length; i++)
      if (copy[i] !== ids[i])
        throw new NativeError(
          'ERR_OUT_OF_RANGE',
          `token id ${ids[i]} at position ${i} is not in 0 … ${this.vocabSize - 1}`,
        )
    return this.engine.decode(copy)
  }

  createDecoder(): IncrementalDecoder {
    return this.engine.createDecoder()
  }

  idToPiece(id: number): string {
    return this.engine.piece(id)
  }

  async files(): Promise<readonly TokenizerFile[]> {
    const existing = await this.#existingFiles()
    const names = new Set(existing.map((file) => file.name))
    return [...existing, ...huggingFaceFiles(this.#definition).filter((file) => !names.has(file.name))]
  }

  dispose(): void {
    this.#engine?.dispose()
    this.#engine = undefined
  }

  private get engine(): BpeEngine {
    if (!this.#engine) throw new DisposedError(`The tokenizer ${this.name}`)
    return this.#engine
  }
}

function createEngine(definition: BpeDefinition): BpeEngine {
  const { pieces, bosId, eosId, dummyPrefix } = definition
  const texts = pieces.map((piece) => Buffer.from(piece.text, 'utf8'))
  return new BpeEngine({
    texts: Buffer.concat(texts),
    lengths: Uint32Array.from(texts, (text) => text.length),
    scores: Float32Array.from(pieces, (piece) => piece.score),
    types: Uint8Array.from(pieces, (piece) => piece.type),
    bosId,
    eosId,
    dummyPrefix,
  })
}
