import { describe, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { BytesTokenizer } from '../../lib/data/tokenizer/bytes-tokenizer.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import type { TokenizerFile } from '../../lib/data/tokenizer/tokenizer.js'
import { tokenizerMetadata } from '../../lib/export/gguf/tokenizer.js'

const settings = { bosId: null, eosId: null }
const sentencePiece = fileURLToPath(new URL('../data/golden/tokenizer/plain.model', import.meta.url))

/** Metadata as plain values, without their common beginning. */
function metadataOf(
  files: readonly TokenizerFile[],
  vocabSize: number,
  ids: { bosId: number | null; eosId: number | null } = settings,
) {
  const entries = [...tokenizerMetadata(files, ids, vocabSize)]
  return Object.fromEntries(
    entries.map(([key, { value }]) => [key.replace(/^tokenizer\.(ggml\.)?/, ''), value]),
  ) as Record<string, unknown> & {
    tokens: string[]
    token_type: number[]
    scores?: number[]
    merges?: string[]
  }
}

const file = (name: string, content: unknown): TokenizerFile => ({
  name,
  data: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)),
})

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
const split = (regex: string) => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
})
const llama3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
const noRegex = { ...byteLevel, use_regex: false }
const sequence = (...pretokenizers: object[]) => ({ type: 'Sequence', pretokenizers })

const gpt2 = (changes: object = {}, model: object = {}) =>
  file('tokenizer.json', {
    added_tokens: [
      { id: 4, content: '<|end|>', special: true },
      { id: 5, content: '<note>', special: false },
    ],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, Ġ: 3, '<|end|>': 4 }, merges: ['a b'], ...model },
    ...changes,
  })

describe('the vocabulary of a GGUF file', () => {
  it('of sentencepiece has its pieces, scores and types, and the same from its tokenizer.json but for the scores', async () => {
    const tokenizer = await loadTokenizer(sentencePiece)
    const files = await tokenizer.files()
    const found = metadataOf(files, tokenizer.vocabSize)
    expect(found).toMatchObject({
      ...{ model: 'llama', pre: 'default', bos_token_id: tokenizer.bosId, eos_token_id: tokenizer.eosId },
      ...{ add_bos_token: true, add_eos_token: false },
    })
    expect(found.tokens).toEqual(
      Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToPiece(id)),
    )
    expect(found.token_type[tokenizer.bosId]).toBe(3)
    expect(new Set(found.scores).size).toBeGreaterThan(100)

    const json = metadataOf(
      files.filter(({ name }) => name !== 'tokenizer.model'),
      tokenizer.vocabSize,
    )
    expect({ ...json, scores: [] }).toEqual({ ...found, scores: [] })
    const order = (scores: number[]) =>
      [...scores.keys()]
        .filter((id) => found.token_type[id] === 1 && [...found.tokens[id]!].length > 1)
        .sort((a, b) => scores[b]! - scores[a]! || a - b)
    expect(order(json.scores!)).toEqual(order(found.scores!))
    tokenizer.dispose()
  })

  it('of bytes is a byte-level one without merges', async () => {
    const { tokens, merges, ...rest } = metadataOf(await new BytesTokenizer().files(), 258)
    expect(tokens).toHaveLength(258)
    expect([tokens[0x41], tokens[0x20], tokens[0x0a], tokens[256]]).toEqual(['A', 'Ġ', 'Ċ', '<|bos|>'])
    expect(merges).toEqual([])
    expect(rest).toMatchObject({
      model: 'gpt2',
      pre: 'gpt-2',
      bos_token_id: 256,
      eos_token_id: 257,
      add_bos_token: true,
    })
    expect(rest.token_type.slice(-3)).toEqual([1, 3, 3])
  })

  it('is filled up to that of the model with tokens that no text has', async () => {
    const { tokens, token_type: kinds } = metadataOf(await new BytesTokenizer().files(), 260)
    expect(tokens.slice(-2)).toEqual(['[PAD258]', '[PAD259]'])
    expect(kinds.slice(-2)).toEqual([5, 5])
    const tooSmall = new BytesTokenizer().files()
    await expect(tooSmall.then((files) => metadataOf(files, 257))).rejects.toMatchObject({ code: 'ERR_DATA' })
  })

  it('of a byte-level tokenizer.json has tokens, kinds and merges; ids of the config come first', () => {
    const config = file('tokenizer_config.json', {
      ...{ eos_token: { content: '<|end|>' }, bos_token: '<|end|>', add_bos_token: false },
      chat_template: '{{ x }}',
    })
    expect(metadataOf([gpt2(), config], 6, { bosId: 4, eosId: null })).toEqual({
      ...{ model: 'gpt2', pre: 'gpt-2', tokens: ['a', 'b', 'ab', 'Ġ', '<|end|>', '<note>'] },
      ...{ token_type: [1, 1, 1, 1, 3, 4], merges: ['a b'], bos_token_id: 4, eos_token_id: 4 },
      ...{ add_bos_token: false, add_eos_token: false, add_space_prefix: false, chat_template: '{{ x }}' },
    })
    const merges = gpt2({}, { merges: [['a', 'b']] })
    expect(metadataOf([merges], 6).merges).toEqual(['a b'])
    const single = [{ SpecialToken: { id: '<|end|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }]
    const template = gpt2({
      post_processor: { type: 'Sequence', processors: [{ type: 'TemplateProcessing', single }] },
    })
    const names = file('tokenizer_config.json', { bos_token: '<|end|>' })
    expect(metadataOf([template, names], 6)['add_bos_token']).toBe(true)
  })

  it.each([
    ['gpt-2', byteLevel],
    ['llama-bpe', sequence(split(llama3), noRegex)],
    ['qwen2', sequence(split(llama3.replace('\\p{N}{1,3}', '\\p{N}')), noRegex)],
    ['smollm', sequence({ type: 'Digits', individual_digits: true }, byteLevel)],
  ])('names the way of cutting %s', (name, pre) => {
    expect(metadataOf([gpt2({ pre_tokenizer: pre })], 6)['pre']).toBe(name)
  })

  it.each([
    ['another expression', { pre_tokenizer: sequence(split('\\s+'), noRegex) }],
    ['a space that is put first', { pre_tokenizer: { ...byteLevel, add_prefix_space: true } }],
    ['a normalizer', { normalizer: { type: 'NFC' } }],
    ['a gap in the ids', { added_tokens: [{ id: 7, content: 'x', special: true }] }],
  ])('is refused for %s, and the reason said', (_, changes) => {
    expect(() => metadataOf([gpt2(changes)], 8)).toThrow(expect.objectContaining({ code: 'ERR_DATA' }))
    expect(() => metadataOf([gpt2(changes)], 8)).toThrow('cannot become a GGUF vocabulary')
  })

  it.each([
    ['no file', []],
    ['what is no JSON', [file('tokenizer.json', '{')]],
    ['another kind', [file('tokenizer.json', { model: { type: 'Unigram' } })]],
  ])('is refused of %s', (_, files) => {
    expect(() => metadataOf(files, 8)).toThrow(expect.objectContaining({ code: 'ERR_DATA' }))
  })
})
