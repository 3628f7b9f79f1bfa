import { DataError } from '../../errors.js'
import { parseSentencePieceModel } from '../../data/tokenizer/sentencepiece-model.js'
import { parseTokenizerJson } from '../../data/tokenizer/tokenizer-json.js'
import type { TokenizerFile } from '../../data/tokenizer/tokenizer.js'
import type { LanguageSettings } from '../huggingface-config.js'
import { byteLevelVocabulary } from './byte-level.js'
import { sentencePieceVocabulary } from './sentencepiece.js'
import type { Metadata, MetadataValue } from './values.js'

/** Numbers of llama.cpp's `llama_token_type`, which are sentencepiece's with one more. */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** A tokenizer in the terms of llama.cpp. */
export interface GgufVocabulary {
  /** `llama` is sentencepiece's BPE, `gpt2` a byte-level BPE. */
  readonly model: 'llama' | 'gpt2'
  /** How a `gpt2` cuts text into words before it merges. */
  readonly pre: string
  /** Index = id. */
  readonly tokens: readonly string[]
  readonly types: readonly number[]
  readonly scores?: readonly number[]
  readonly merges?: readonly string[]
  readonly bosId: number | null
  readonly eosId: number | null
  readonly unkId: number | null
  /** BOS goes before a text that is encoded. */
  readonly addsBos: boolean
  readonly addsSpace: boolean
}

/**
 * Metadata of the tokenizer that these files describe: those of an exported folder.
 * @param vocabSize of the model; ids beyond the tokenizer's become tokens that are never made of text
 * @throws {DataError} when llama.cpp has no name for such a tokenizer
 */
export function tokenizerMetadata(
  files: readonly TokenizerFile[],
  settings: Pick<LanguageSettings, 'bosId' | 'eosId'>,
  vocabSize: number,
): Metadata {
  const vocabulary = readVocabulary(files)
  const { model, pre, merges, addsBos, addsSpace, unkId } = vocabulary
  const missing = vocabSize - vocabulary.tokens.length
  if (missing < 0)
    throw new DataError(
      `The tokenizer has ${vocabulary.tokens.length} tokens, the model only ${vocabSize}. Give the tokenizer it was trained with.`,
    )
  const padding = <T>(make: (id: number) => T) =>
    Array.from({ length: missing }, (_, i) => make(vocabulary.tokens.length + i))
  const tokens = [...vocabulary.tokens, ...padding((id) => `[PAD${id}]`)]
  const types = [...vocabulary.types, ...padding(() => tokenTypes.unused)]
  const scores = vocabulary.scores && [...vocabulary.scores, ...padding(() => -1000)]

  const entries = new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', { type: 'string', value: model }],
    ['tokenizer.ggml.pre', { type: 'string', value: pre }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    ['tokenizer.ggml.token_type', { type: 'i32s', value: types }],
  ])
  if (scores) entries.set('tokenizer.ggml.scores', { type: 'f32s', value: scores })
  if (merges) entries.set('tokenizer.ggml.merges', { type: 'strings', value: merges })
  const id = (key: string, value: number | null) => {
    if (value !== null) entries.set(`tokenizer.ggml.${key}_token_id`, { type: 'u32', value })
  }
  id('bos', settings.bosId ?? vocabulary.bosId)
  id('eos', settings.eosId ?? vocabulary.eosId)
  id('unknown', unkId)
  entries.set('tokenizer.ggml.add_bos_token', { type: 'bool', value: addsBos })
  entries.set('tokenizer.ggml.add_eos_token', { type: 'bool', value: false })
  entries.set('tokenizer.ggml.add_space_prefix', { type: 'bool', value: addsSpace })
  const template = chatTemplate(files)
  if (template !== undefined) entries.set('tokenizer.chat_template', { type: 'string', value: template })
  return entries
}

/** Scores of a `tokenizer.model` are the original, so it is preferred; a byte-level tokenizer has only the other. */
function readVocabulary(files: readonly TokenizerFile[]): GgufVocabulary {
  const find = (name: string) => files.find((file) => file.name === name)?.data
  const sentencePiece = find('tokenizer.model')
  if (sentencePiece) return sentencePieceVocabulary(parseSentencePieceModel(sentencePiece, 'tokenizer.model'))
  const json = find('tokenizer.json')
  if (!json)
    throw new DataError(
      'A GGUF file holds its tokenizer, and there is neither a tokenizer.model nor a tokenizer.json to make it from. Give --tokenizer.',
    )
  return (
    byteLevelVocabulary(json, find('tokenizer_config.json')) ??
    sentencePieceVocabulary(parseTokenizerJson(json, 'tokenizer.json'))
  )
}

function chatTemplate(files: readonly TokenizerFile[]): string | undefined {
  const config = files.find(({ name }) => name === 'tokenizer_config.json')
  if (!config) return undefined
  try {
    const { chat_template: template } = JSON.parse(Buffer.from(config.data).toString('utf8')) as {
      chat_template?: unknown
    }
    return typeof template === 'string' ? template : undefined
  } catch {
    return undefined // what is no JSON has no template; the tokenizer itself was read from elsewhere
  }
}
