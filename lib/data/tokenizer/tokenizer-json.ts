import { parseBoundedJson } from '../../bounded-json.js'
import {
  pieceLimits,
  pieceTypes,
  spaceMark,
  splitsOf,
  type BpeDefinition,
  type BpePiece,
  type PieceType,
} from './bpe-definition.js'
import { refuse } from './refuse.js'

/**
 * Reads a Hugging Face `tokenizer.json` that was made from a LLaMA-family sentencepiece model: byte-fallback BPE, with
 * the space written as U+2581. The rank of a piece's first merge takes the place of its score.
 *
 * The ids are those of sentencepiece, not of Hugging Face's own library, which turns a spelled-out `<s>` into BOS.
 * @throws {DataError} when it is malformed or any other kind of tokenizer; the text names what was found.
 */
export function parseTokenizerJson(data: Uint8Array, file: string): BpeDefinition {
  const root = asObject(parseJson(data, file), 'the file', file)
  const model = asObject(root['model'], 'model', file)
  expectByteFallbackBpe(model, file)
  const dummyPrefix = readDummyPrefix(root, file)
  const texts = readVocabulary(model['vocab'], file)
  const controls = readAddedTokens(root['added_tokens'] ?? [], texts, file)
  const unknown = model['unk_token'] ?? '<unk>'
  const typeOf = (text: string, id: number): PieceType => {
    if (text === unknown) return pieceTypes.unknown
    if (controls.has(id)) return pieceTypes.control
    return /^<0x[0-9A-F]{2}>$/.test(text) ? pieceTypes.byte : pieceTypes.normal
  }
  const scores = readScores(model['merges'], file)
  const pieces = texts.map((text, id) => ({ text, type: typeOf(text, id), score: scores.of(text) }))
  expectAllMerges(pieces, scores.merges, file)
  const find = (role: string, text: unknown): number => {
    const id = typeof text === 'string' ? texts.indexOf(text) : -1
    return id >= 0
      ? id
      : refuse(file, `its ${role} token ${typeof text === 'string' ? text : describe(text)} is missing`)
  }
  return {
    pieces,
    bosId: find('BOS', '<s>'),
    eosId: find('EOS', '</s>'),
    unkId: find('unknown', unknown),
    dummyPrefix,
  }
}

type JsonObject = Record<string, unknown>

/** A piece takes one value in the vocabulary and, where merges are pairs, three for each of its merges. */
export const tokenizerJsonBounds = { values: 8 * pieceLimits.pieces, depth: 64 }

function parseJson(data: Uint8Array, file: string): unknown {
  try {
    return parseBoundedJson(new TextDecoder('utf-8', { fatal: true }).decode(data), tokenizerJsonBounds)
  } catch (error) {
    return refuse(file, `it is no valid JSON (${(error as Error).message.slice(0, 200)})`, error)
  }
}

function asObject(value: unknown, what: string, file: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(file, `${what} is no object`)
  return value as JsonObject
}

function expectByteFallbackBpe(model: JsonObject, file: string): void {
  if (model['type'] !== 'BPE') refuse(file, `its model is ${describe(model['type'])}, not "BPE"`)
  if (model['byte_fallback'] !== true)
    refuse(file, 'it has no byte fallback (it is a byte-level BPE, as of GPT-2 or LLaMA-3)')
  for (const name of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix'])
    if (model[name]) refuse(file, `its model has a ${name} (${describe(model[name])})`)
  if (model['ignore_merges'] === true) refuse(file, 'its model ignores merges')
}

/** Whether a space is put before the text. Two spellings are in use: a normaliser, or a Metaspace pre-tokeniser. */
function readDummyPrefix(root: JsonObject, file: string): boolean {
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: spaceMark }
  const prepend = { type: 'Prepend', prepend: spaceMark }
  const { normalizer = null, pre_tokenizer: preTokenizer = null } = root
  if (preTokenizer === null) {
    if (isEqual(normalizer, { type: 'Sequence', normalizers: [prepend, replace] })) return true
    if (isEqual(normalizer, replace)) return false
    return refuse(file, `its normalizer is ${describe(normalizer)}`)
  }
  const found = asObject(preTokenizer, 'pre_tokenizer', file)
  if (
    normalizer !== null ||
    found['type'] !== 'Metaspace' ||
    found['replacement'] !== spaceMark ||
    found['split'] !== false
  )
    refuse(file, `its pre_tokenizer is ${describe(preTokenizer)} and its normalizer ${describe(normalizer)}`)
  if (found['prepend_scheme'] === 'first' || found['prepend_scheme'] === 'always') return true
  if (found['prepend_scheme'] === 'never') return false
  return refuse(file, `its Metaspace has the prepend_scheme ${describe(found['prepend_scheme'])}`)
}

/** Deep equality of JSON values; the order of keys does not matter. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a as JsonObject, b as JsonObject]
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => isEqual(left[key], right[key]))
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

/** The texts of the pieces, by id. */
function readVocabulary(vocab: unknown, file: string): string[] {
  const entries = Object.entries(asObject(vocab, 'model.vocab', file))
  if (entries.length > pieceLimits.pieces) refuse(file, `it has more than ${pieceLimits.pieces} pieces`)
  const texts = new Array<string | undefined>(entries.length)
  let length = 0
  for (const [text, id] of entries) {
    // These also bound the time that looking for merges takes.
    if (text.length > pieceLimits.pieceBytes)
      refuse(file, `a piece is longer than ${pieceLimits.pieceBytes} characters`)
    if ((length += text.length) > pieceLimits.bytes)
      refuse(file, `its pieces have more than ${pieceLimits.bytes} characters`)
    if (
      typeof id !== 'number' ||
      !Number.isInteger(id) ||
      id < 0 ||
      id >= entries.length ||
      texts[id] !== undefined
    )
      refuse(
        file,
        `the ids of its ${entries.length} pieces are not 0 … ${entries.length - 1} (${text}: ${describe(id)})`,
      )
    texts[id] = text
  }
  return texts as string[]
}

/** Ids of the special tokens; those that come after the vocabulary are appended to `texts`. */
function readAddedTokens(tokens: unknown, texts: string[], file: string): Set<number> {
  if (!Array.isArray(tokens)) refuse(file, 'added_tokens is no array')
  const ids = new Set<number>()
  for (const entry of tokens as unknown[]) {
    const { id, content, special } = asObject(entry, 'an entry of added_tokens', file)
    if (special !== true) refuse(file, `its added token ${describe(content)} is not special`)
    if (typeof content !== 'string' || content.length > pieceLimits.pieceBytes)
      refuse(
        file,
        `its added token ${describe(content)} is no text of at most ${pieceLimits.pieceBytes} characters`,
      )
    if (id === texts.length) texts.push(content)
    if (typeof id !== 'number' || texts[id] !== content)
      refuse(
        file,
        `its added token ${describe(content)} has the id ${describe(id)} of another piece, or leaves a gap`,
      )
    ids.add(id)
  }
  return ids
}

/** Merges are `"a b"` in older files and `["a", "b"]` in newer ones. */
function readScores(merges: unknown, file: string): { merges: number; of(text: string): number } {
  if (!Array.isArray(merges)) return refuse(file, 'model.merges is no array')
  const ranks = new Map<string, number>()
  let last: string | undefined
  merges.forEach((merge: unknown, rank) => {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ', 3) : merge
    const isPair =
      Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string')
    if (!isPair) refuse(file, `merge ${rank} is ${describe(merge)}, not two pieces`)
    const merged = parts.join('')
    // Merges that make one piece have one score in sentencepiece, so nothing can come between them.
    if (merged !== last && ranks.has(merged))
      refuse(file, `merge ${rank} makes ${merged}, as one much earlier does`)
    if (!ranks.has(merged)) ranks.set(merged, rank)
    last = merged
  })
  return { merges: merges.length, of: (text) => -(ranks.get(text) ?? merges.length) }
}

/**
 * A file made from a sentencepiece model lists every pair of pieces that makes a piece. One that does not was trained
 * otherwise, and joining by piece would not give its ids.
 */
function expectAllMerges(pieces: readonly BpePiece[], merges: number, file: string): void {
  const normal = new Set(
    pieces.filter((piece) => piece.type === pieceTypes.normal).map((piece) => piece.text),
  )
  const isSymbol = (text: string) => normal.has(text) || [...text].length === 1
  let pairs = 0
  for (const text of normal) pairs += splitsOf(text, isSymbol).length
  if (pairs !== merges) refuse(file, `it lists ${merges} merges where its pieces allow ${pairs}`)
}
