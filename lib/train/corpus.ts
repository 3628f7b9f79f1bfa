import type { DataConfig } from '../config/types.js'
import { sliceTokens, type TokenSource } from '../data/shards/token-source.js'
import { TokenSet } from '../data/shards/token-set.js'
import { verifyTokenSet } from '../data/shards/verify.js'
import { splitValidation } from '../data/split.js'
import { cachedTokens, type TokenizeProgress } from '../data/tokenize-corpus.js'
import { loadTokenizer } from '../data/tokenizer/load.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'

/** What preparing a run reports before the first step. */
export type PrepareProgress =
  | ({ readonly stage: 'tokenize' } & TokenizeProgress)
  | { readonly stage: 'verify'; readonly bytesDone: number; readonly bytesTotal: number }
  | { readonly stage: 'notice'; readonly message: string }

export interface PrepareOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined
}

/** Text as token streams, and the tokenizer that made them. */
export interface Corpus {
  readonly tokenizer: Tokenizer
  readonly train: TokenSource
  /** Undefined when nothing was held out. */
  readonly validation: TokenSource | undefined
  /** Identity of the training tokens: a checkpoint belongs to it. */
  readonly fingerprint: string
  close(): Promise<void>
}

/** Tokenizes what has not been tokenized yet and opens the result. */
export async function openCorpus(
  data: DataConfig,
  threads: number,
  options: PrepareOptions,
): Promise<Corpus> {
  const tokenizer = await loadTokenizer(data.tokenizer)
  const open: TokenSet[] = []
  const close = async () => {
    for (const set of open) await set.close()
    tokenizer.dispose()
  }
  const openSet = async (inputs: readonly string[]): Promise<TokenSet> => {
    const { folder } = await cachedTokens({
      inputs,
      tokenizer,
      cache: data.cache,
      textField: data.textField,
      ...(threads > 0 && { threads }),
      ...(options.signal && { signal: options.signal }),
      onProgress: (progress) => options.onProgress?.({ stage: 'tokenize', ...progress }),
    })
    await verifyTokenSet(folder, {
      ...(options.signal && { signal: options.signal }),
      onProgress: (bytesDone, bytesTotal) => options.onProgress?.({ stage: 'verify', bytesDone, bytesTotal }),
    })
    const set = await TokenSet.open(folder)
    open.push(set)
    return set
  }
  try {
    const set = await openSet(data.train)
    const shared = { tokenizer, fingerprint: set.fingerprint, close }
    if (data.validation.length > 0)
      return { ...shared, train: set, validation: await openSet(data.validation) }
    if (data.validationFraction === 0) return { ...shared, train: set, validation: undefined }
    const { train, validation } = await splitValidation(set, data.validationFraction, tokenizer.bosId)
    return { ...shared, train, validation }
  } catch (error) {
    await close()
    throw error
  }
}

/** The first `tokens` tokens of a source, or all of it. */
export function firstTokens(source: TokenSource, tokens: number): TokenSource {
  return tokens > 0 && tokens < source.tokens ? sliceTokens(source, 0, tokens) : source
}
