import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from '../helpers/property.js'
import { afterAll, describe, expect, test } from 'vitest'
import { NativeError } from '../../lib/errors.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import type { Tokenizer } from '../../lib/data/tokenizer/tokenizer.js'
import { anyText } from '../helpers/any-text.js'
import { sharedData } from '../helpers/shared-data.js'

/** What sentencepiece says; written by test/oracle/make-tokenizer-golden.py. */
interface Golden {
  encodings: { text: string; ids: number[]; decoded: string }[]
  decodings: { ids: number[]; decoded: string }[]
  /** Of the ids of data/tinyshakespeare.txt as little-endian int32. */
  corpus: { tokens: number; sha256: string }
}

const goldenFile = (name: string) => fileURLToPath(new URL(`golden/tokenizer/${name}`, import.meta.url))

function decodeStreaming(tokenizer: Tokenizer, ids: readonly number[]): string {
  const decoder = tokenizer.createDecoder()
  return ids.map((id) => decoder.push(id)).join('') + decoder.end()
}

describe.each(['plain', 'crossing'])('the %s golden model', async (name) => {
  const tokenizer = await loadTokenizer(goldenFile(`${name}.model`))
  const golden = JSON.parse(readFileSync(goldenFile(`${name}.json`), 'utf8')) as Golden
  afterAll(() => tokenizer.dispose())

  test('encodes as sentencepiece does', () => {
    for (const { text, ids } of golden.encodings) expect([...tokenizer.encode(text)], text).toEqual(ids)
  })

  test('encodes a megabyte of text as sentencepiece does', () => {
    const ids = tokenizer.encode(
      readFileSync(new URL('../../data/tinyshakespeare.txt', import.meta.url), 'utf8'),
    )
    expect(ids).toHaveLength(golden.corpus.tokens)
    expect(createHash('sha256').update(ids).digest('hex')).toBe(golden.corpus.sha256)
  })

  test('decodes as sentencepiece does, random ids and broken UTF-8 included', () => {
    for (const { ids, decoded } of [...golden.encodings, ...golden.decodings])
      expect(tokenizer.decode(ids), String(ids)).toBe(decoded)
  })

  test('decodes the same token by token', () => {
    for (const { ids, decoded } of [...golden.encodings, ...golden.decodings])
      expect(decodeStreaming(tokenizer, ids), String(ids)).toBe(decoded)
  })

  test('brings every text back, with U+2581 as a space and lone surrogates replaced', () => {
    const text = fc.oneof(
      anyText,
      fc.string({ unit: fc.constantFrom(' ', 't', 'h', 'e', '\n', '\u2581', 'é', '日') }),
    )
    fc.assert(
      fc.property(text, (x) => {
        const expected = Buffer.from(x, 'utf8').toString('utf8').replaceAll('\u2581', ' ')
        expect(tokenizer.decode(tokenizer.encode(x))).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a tokenizer', async () => {
  const tokenizer = await loadTokenizer(goldenFile('plain.model'))
  afterAll(() => tokenizer.dispose())

  test('puts BOS and EOS where they are asked for, also around an empty text', () => {
    const ids = [...tokenizer.encode('To be')]
    const { bosId, eosId } = tokenizer
    expect([...tokenizer.encode('To be', { bos: true })]).toEqual([bosId, ...ids])
    expect([...tokenizer.encode('To be', { bos: true, eos: true })]).toEqual([bosId, ...ids, eosId])
    expect([...tokenizer.encode('', { bos: true, eos: true })]).toEqual([bosId, eosId])
  })

  test('never makes BOS, EOS or unknown of text that spells them', () => {
    for (const text of ['<s>', '</s>', '<unk>', ' <s> ', 'a</s>b', '<0x41>']) {
      for (const id of tokenizer.encode(text)) expect(id).toBeGreaterThan(2)
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text)
    }
  })

  test('names pieces as the vocabulary file does', () => {
    expect([0, 1, 2, 3, 258].map((id) => tokenizer.idToPiece(id))).toEqual([
      '<unk>',
      '<s>',
      '</s>',
      '<0x00>',
      '<0xFF>',
    ])
    expect([...tokenizer.encode(' the')].map((id) => tokenizer.idToPiece(id)).join('')).toBe('▁▁the')
  })

  test('holds half a character back until it is whole', () => {
    const decoder = tokenizer.createDecoder()
    const parts = [...Buffer.from('😀é')].map((byte) => decoder.push(byte + 3))
    expect(parts).toEqual(['', '', '', '😀', '', 'é'])
    expect(decoder.end()).toBe('')
    expect(decoder.push(3 + 0xf0) + decoder.push(3 + 0x9f)).toBe('')
    expect(decoder.end()).toBe('\ufffd\ufffd')
  })

  test('keeps the space of a word in the middle and drops it at the start', () => {
    const [space] = tokenizer.encode(' ')
    const decoder = tokenizer.createDecoder()
    expect(decoder.push(tokenizer.bosId)).toBe('')
    expect(decoder.push(space!) + decoder.push(space!)).toBe(tokenizer.decode([space!, space!]))
    decoder.end()
    expect(decoder.push(space!), 'anew after end()').toBe(tokenizer.decode([space!]))
  })

  test.each([[-1], [700], [2 ** 31], [2 ** 32 + 5], [1.5], [Number.NaN], [Infinity]])(
    'refuses to decode the id %d',
    (id) => {
      expect(() => tokenizer.decode([5, id])).toThrow(NativeError)
      expect(() => tokenizer.createDecoder().push(id)).toThrow(NativeError)
      expect(() => tokenizer.idToPiece(id)).toThrow(NativeError)
    },
  )

  // Merging in quadratic time would take hours: the test's time limit is far from what it needs, and far from that.
  test('encodes a megabyte without a space', () => {
    const word = 'abcdefghij'.repeat(100_000)
    expect(tokenizer.decode(tokenizer.encode(word))).toBe(word)
  })
})

describe.skipIf(!sharedData('tokenizer/llama2'))('LLaMA-2', async () => {
  const folder = sharedData('tokenizer/llama2') ?? ''
  const lines = folder ? readFileSync(`${folder}/golden_encodings.jsonl`, 'utf8').trim().split('\n') : []
  const golden = lines.map((line) => JSON.parse(line) as Golden['encodings'][number])

  test.each(['tokenizer.model', 'tokenizer.json'])('%s gives the ids of all golden vectors', async (file) => {
    const tokenizer = await loadTokenizer(`${folder}/${file}`)
    expect(golden).toHaveLength(308)
    for (const { text, ids, decoded } of golden) {
      expect([...tokenizer.encode(text)], text).toEqual(ids)
      expect(tokenizer.decode(ids)).toBe(decoded)
      expect(decodeStreaming(tokenizer, ids)).toBe(decoded)
    }
    expect(tokenizer).toMatchObject({ vocabSize: 32_000, bosId: 1, eosId: 2 })
    tokenizer.dispose()
  })

  test('both files have one fingerprint, and it is not that of another tokenizer', async () => {
    const specs = [
      folder,
      `${folder}/tokenizer.json`,
      goldenFile('plain.model'),
      goldenFile('crossing.model'),
    ]
    const prints = await Promise.all(specs.map(async (spec) => (await loadTokenizer(spec)).fingerprint))
    expect(prints[0]).toBe(prints[1])
    expect(new Set(prints).size).toBe(3)
  })
})
