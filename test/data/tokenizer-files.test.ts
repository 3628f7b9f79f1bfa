import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from '../helpers/property.js'
import { afterAll, describe, expect, test } from 'vitest'
import { DataError } from '../../lib/errors.js'
import { BpeTokenizer } from '../../lib/data/tokenizer/bpe-tokenizer.js'
import { huggingFaceFiles } from '../../lib/data/tokenizer/hugging-face-files.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { parseSentencePieceModel } from '../../lib/data/tokenizer/sentencepiece-model.js'
import { parseTokenizerJson } from '../../lib/data/tokenizer/tokenizer-json.js'
import { sharedData } from '../helpers/shared-data.js'

const goldenFile = (name: string) => fileURLToPath(new URL(`golden/tokenizer/${name}`, import.meta.url))
const modelBytes = readFileSync(goldenFile('plain.model'))
const definition = parseSentencePieceModel(modelBytes, 'plain.model')
const jsonText = Buffer.from(huggingFaceFiles(definition)[0]!.data).toString('utf8')
const sample = 'To be, or not to be:\n    that is   the question. 日本😀'

type Json = { [key: string]: Json } & Json[] & (string | number | boolean | null)

/** The written tokenizer.json, changed in one place. */
function changedJson(change: (root: Json) => void): Buffer {
  const root = JSON.parse(jsonText) as Json
  change(root)
  return Buffer.from(JSON.stringify(root))
}

describe('tokenizer.json', () => {
  test('as written from a tokenizer.model gives its ids and fingerprint', () => {
    const original = new BpeTokenizer('original', definition)
    const copy = new BpeTokenizer('copy', parseTokenizerJson(Buffer.from(jsonText), 'tokenizer.json'))
    expect([...copy.encode(sample)]).toEqual([...original.encode(sample)])
    expect(copy.fingerprint).toBe(original.fingerprint)
  })

  test.skipIf(!sharedData('tokenizer/llama2'))("is written with the very merges of LLaMA-2's own", () => {
    const [model, json] = ['tokenizer.model', 'tokenizer.json'].map((name) =>
      readFileSync(sharedData(`tokenizer/llama2/${name}`)!),
    )
    const file = huggingFaceFiles(parseSentencePieceModel(model!, 'tokenizer.model'))[0]!
    const [written, own] = [Buffer.from(file.data), json!].map(
      (data) => JSON.parse(data.toString('utf8')) as Json,
    )
    expect(written!['model']!['vocab']).toEqual(own!['model']!['vocab'])
    expect(new Set(written!['model']!['merges'])).toEqual(new Set(own!['model']!['merges']))
  })

  test('may use pairs for merges and a Metaspace for the leading space', () => {
    const newer = changedJson((root) => {
      root['model']!['merges'] = root['model']!['merges']!.map((merge) =>
        (merge as unknown as string).split(' '),
      ) as never
      root['normalizer'] = null as never
      root['pre_tokenizer'] = {
        type: 'Metaspace',
        replacement: '▁',
        prepend_scheme: 'first',
        split: false,
      } as never
    })
    expect(parseTokenizerJson(newer, 'tokenizer.json')).toEqual(parseTokenizerJson(Buffer.from(jsonText), ''))
  })

  test.each<[string, RegExp, (root: Json) => void]>([
    ['a unigram model', /"Unigram", not "BPE"/, (root) => (root['model']!['type'] = 'Unigram' as never)],
    ['no byte fallback', /no byte fallback/, (root) => (root['model']!['byte_fallback'] = false as never)],
    [
      'another normaliser',
      /its normalizer is.*NFKC/,
      (root) => (root['normalizer'] = { type: 'NFKC' } as never),
    ],
    [
      'another pre-tokeniser',
      /ByteLevel/,
      (root) => (root['pre_tokenizer'] = { type: 'ByteLevel' } as never),
    ],
    ['a gap in the ids', /are not 0 …/, (root) => (root['model']!['vocab']!['▁the'] = 9999 as never)],
    ['an id twice', /are not 0 …/, (root) => (root['model']!['vocab']!['▁the'] = 5 as never)],
    ['a missing merge', /pieces allow/, (root) => void (root['model']!['merges'] as Json[]).pop()],
    ['a malformed merge', /merge 0 is "abc"/, (root) => (root['model']!['merges']![0] = 'abc' as never)],
    ['no vocabulary', /model.vocab is no object/, (root) => delete root['model']!['vocab']],
    ['no model', /model is no object/, (root) => delete root['model']],
    [
      'a token that text may contain',
      /is not special/,
      (root) => (root['added_tokens']![0]!['special'] = false as never),
    ],
    ['no BOS', /BOS token <s> is missing/, withoutBos],
    ['a long piece', /longer than/, (root) => rename(root['model']!['vocab']!, '▁the', 'x'.repeat(5000))],
    ['no space piece', /no piece for the space/, (root) => withoutSpace(root)],
  ])('with %s is refused', async (_, text, change) => {
    const file = temporaryFile('tokenizer.json', changedJson(change))
    await expect(loadTokenizer(file)).rejects.toThrow(DataError)
    await expect(loadTokenizer(file)).rejects.toThrow(text)
  })

  function rename(vocab: Json, from: string, to: string): void {
    vocab[to] = vocab[from]!
    delete vocab[from]
  }

  function withoutBos(root: Json): void {
    rename(root['model']!['vocab']!, '<s>', '<bos>')
    root['added_tokens']![1]!['content'] = '<bos>' as never
  }

  function withoutSpace(root: Json): void {
    const vocab = Object.entries(root['model']!['vocab'] as unknown as Record<string, number>)
    const kept = vocab.sort(([, a], [, b]) => a - b).filter(([text]) => !text.includes('▁'))
    root['model']!['vocab'] = Object.fromEntries(kept.map(([text], id) => [text, id])) as never
    const merges = root['model']!['merges'] as unknown as string[]
    root['model']!['merges'] = merges.filter((merge) => !merge.includes('▁')) as never
  }
})

describe('tokenizer.model', () => {
  const withFields = (...fields: number[][]) => Buffer.concat([modelBytes, Buffer.from(fields.flat())])

  test.each<[string, RegExp, Buffer]>([
    ['a unigram model', /unigram model, not BPE/, withFields([0x12, 0])],
    ['no byte fallback', /no byte fallback/, withFields([0x12, 2, 0x18, 2])],
    ['normalisation rules', /normalises text by rules/, withFields([0x1a, 3, 0x12, 1, 65])],
    ['spaces removed', /removes extra spaces/, withFields([0x1a, 0])],
    ['a user-defined piece', /user-defined/, withFields([0x0a, 5, 0x0a, 1, 65, 0x18, 4])],
    ['a piece twice', /there twice/, withFields([0x0a, 5, 0x0a, 3, 0xe2, 0x96, 0x81])],
    ['an empty piece', /has 0 bytes/, withFields([0x0a, 0])],
    ['a score that is no number', /not finite/, withFields([0x0a, 8, 0x0a, 1, 7, 0x15, 0, 0, 0xc0, 0x7f])],
    ['a piece that is no UTF-8', /not UTF-8/, withFields([0x0a, 3, 0x0a, 1, 0xff])],
    ['a length beyond the end', /cut off/, withFields([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    ['an endless number', /longer than 10 bytes/, withFields(Array<number>(11).fill(0xff))],
    ['its end missing', /damaged/, modelBytes.subarray(0, 5000)],
    ['nothing in it', /no pieces/, Buffer.alloc(0)],
    ['text instead', /damaged|no pieces/, Buffer.from('once upon a time')],
  ])('with %s is refused', async (_, text, data) => {
    const file = temporaryFile('tokenizer.model', data)
    await expect(loadTokenizer(file)).rejects.toThrow(DataError)
    await expect(loadTokenizer(file)).rejects.toThrow(text)
  })
})

describe('a file with bytes changed at random', () => {
  test.each([
    ['tokenizer.model', modelBytes],
    ['tokenizer.json', Buffer.from(jsonText)],
  ])('is refused or works: %s', async (name, data) => {
    const mutation = fc.array(fc.tuple(fc.nat(data.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    const folder = mkdtempSync(join(tmpdir(), 'patchtrain-fuzz-'))
    await fc.assert(
      fc.asyncProperty(mutation, fc.nat(data.length), fc.boolean(), async (changes, length, cut) => {
        const mutated = Buffer.from(cut ? data.subarray(0, length) : data)
        for (const [at, byte] of changes) if (at < mutated.length) mutated[at] = byte
        writeFileSync(join(folder, name), mutated)
        try {
          const tokenizer = await loadTokenizer(join(folder, name))
          expect(tokenizer.decode(tokenizer.encode(sample))).toHaveLength(sample.length)
          tokenizer.dispose()
        } catch (error) {
          expect(error).toBeInstanceOf(DataError)
        }
      }),
      { numRuns: 300 },
    )
    rmSync(folder, { recursive: true })
  })
})

describe('loadTokenizer', () => {
  test('says what is missing', async () => {
    await expect(loadTokenizer('nowhere/tokenizer.model')).rejects.toThrow(
      /nowhere\/tokenizer.model cannot be read/,
    )
    const folder = mkdtempSync(join(tmpdir(), 'patchtrain-empty-'))
    await expect(loadTokenizer(folder)).rejects.toThrow(/holds no tokenizer.model and no tokenizer.json/)
    mkdirSync(join(folder, 'tokenizer.json'))
    await expect(loadTokenizer(folder)).rejects.toThrow(DataError)
    rmSync(folder, { recursive: true })
  })

  test('an exported folder gives the tokenizer again, and again', async () => {
    const tokenizer = await loadTokenizer(goldenFile('plain.model'))
    const files = await tokenizer.files()
    expect(files.map((file) => file.name)).toEqual([
      'tokenizer.model',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    const folder = mkdtempSync(join(tmpdir(), 'patchtrain-export-'))
    for (const file of files) writeFileSync(join(folder, file.name), file.data)
    const again = await loadTokenizer(folder)
    expect(again.fingerprint).toBe(tokenizer.fingerprint)
    expect((await again.files()).map((file) => [file.name, Buffer.from(file.data)])).toEqual(
      files.map((file) => [file.name, Buffer.from(file.data)]),
    )
    rmSync(folder, { recursive: true })
  })
})

const temporaryFolder = mkdtempSync(join(tmpdir(), 'patchtrain-tokenizer-'))
afterAll(() => rmSync(temporaryFolder, { recursive: true }))

function temporaryFile(name: string, data: Uint8Array): string {
  const file = join(temporaryFolder, name)
  writeFileSync(file, data)
  return file
}
