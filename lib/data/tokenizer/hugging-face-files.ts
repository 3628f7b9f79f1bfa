import { mergeOrder, pieceTypes, spaceMark, splitsOf, type BpeDefinition } from './bpe-definition.js'
import type { TokenizerFile } from './tokenizer.js'

/** The files from which transformers makes the same tokenizer: `tokenizer.json` and `tokenizer_config.json`. */
export function huggingFaceFiles(definition: BpeDefinition): TokenizerFile[] {
  const { pieces, bosId, eosId, unkId } = definition
  return [
    jsonFile('tokenizer.json', tokenizerJson(definition)),
    jsonFile('tokenizer_config.json', {
      ...tokenizerConfig(pieces[bosId]!.text, pieces[eosId]!.text),
      unk_token: pieces[unkId]!.text,
    }),
  ]
}

export function jsonFile(name: string, content: unknown): TokenizerFile {
  return { name, data: Buffer.from(JSON.stringify(content, null, 2) + '\n') }
}

/** `PreTrainedTokenizerFast` takes `tokenizer.json` as it is; classes of model families rewrite parts of it. */
export function tokenizerConfig(bosToken: string, eosToken: string): Record<string, unknown> {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: bosToken,
    eos_token: eosToken,
    clean_up_tokenization_spaces: false,
  }
}

/** The parts of a `tokenizer.json` that do not depend on the kind of model. It puts BOS before a text. */
export function tokenizerJsonFrame(special: readonly { id: number; content: string }[], bos: string) {
  const bosId = special.find((token) => token.content === bos)!.id
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((token) => ({
      ...token,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null as unknown,
    pre_tokenizer: null as unknown,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: bos, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: bos, type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { [bos]: { id: bos, ids: [bosId], tokens: [bos] } },
    },
  }
}

function tokenizerJson(definition: BpeDefinition): unknown {
  const { pieces, bosId, unkId, dummyPrefix } = definition
  const isSpecial = (id: number) =>
    pieces[id]!.type === pieceTypes.control || pieces[id]!.type === pieceTypes.unknown
  const special = [...pieces.keys()].filter(isSpecial).map((id) => ({ id, content: pieces[id]!.text }))
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: spaceMark }
  const decoders: unknown[] = [
    { type: 'Replace', pattern: { String: spaceMark }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ]
  if (dummyPrefix) decoders.push({ type: 'Strip', content: ' ', start: 1, stop: 0 })
  return {
    ...tokenizerJsonFrame(special, pieces[bosId]!.text),
    normalizer: dummyPrefix
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: spaceMark }, replace] }
      : replace,
    decoder: { type: 'Sequence', decoders },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: pieces[unkId]!.text,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece.text, id])),
      merges: allMerges(definition),
    },
  }
}

/** Every pair of pieces that makes a piece, in the order of merges. */
function allMerges(definition: BpeDefinition): string[] {
  const { pieces } = definition
  const ids = new Map(pieces.map((piece, id) => [piece.text, id]))
  const isNormal = (text: string) => pieces[ids.get(text) ?? -1]?.type === pieceTypes.normal
  return mergeOrder(definition).flatMap((id) =>
    splitsOf(pieces[id]!.text, isNormal)
      .sort(([a], [b]) => ids.get(a)! - ids.get(b)!)
      .map((pair) => pair.join(' ')),
  )
}
