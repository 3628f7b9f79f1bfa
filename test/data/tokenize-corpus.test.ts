import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TokenSet } from '../../lib/data/shards/token-set.js'
import { cachedTokens, tokenizeCorpus } from '../../lib/data/tokenize-corpus.js'
import type { TokenizeOptions, TokenizeProgress } from '../../lib/data/tokenize-corpus.js'
import { byteEncoder } from '../helpers/byte-encoder.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { rawFrame } from '../helpers/zstd-frames.js'

const [BOS, EOS] = [256, 257]

/** A folder with a few files and the options that tokenize them. */
function corpus(overrides: Partial<TokenizeOptions> = {}): TokenizeOptions & { root: string } {
  const root = temporaryFolder()
  writeFileSync(join(root, 'a.jsonl'), '{"text":"one"}\n{"text":"é"}\n')
  writeFileSync(join(root, 'b.jsonl.zst'), rawFrame(Buffer.from('{"text":"three"}\n')))
  writeFileSync(join(root, 'c.txt'), 'four\n')
  const out = join(root, 'tokens')
  return { root, inputs: join(root, '*.{jsonl,zst,txt}'), tokenizer: byteEncoder(), out, ...overrides }
}

async function idsOf(folder: string): Promise<number[]> {
  const set = await TokenSet.open(folder)
  const ids = new Int32Array(set.tokens)
  await set.read(0, ids)
  await set.close()
  return [...ids]
}

const bytes = (text: string) => [...Buffer.from(text)]

describe('tokenizeCorpus', () => {
  test('puts BOS before each document and nothing else between them', async () => {
    const options = corpus()
    const { manifest, reused } = await tokenizeCorpus(options)
    expect(reused).toBe(false)
    expect(manifest).toMatchObject({ documents: 4, type: 'uint16', marks: { bos: true, eos: false } })
    const expected = ['one', 'é', 'three', 'four\n'].flatMap((text) => [BOS, ...bytes(text)])
    expect(await idsOf(options.out)).toEqual(expected)
  })

  test('EOS behind each document and no BOS, when asked for', async () => {
    const options = corpus({ bos: false, eos: true })
    expect((await tokenizeCorpus(options)).manifest.documents).toBe(4)
    const expected = ['one', 'é', 'three', 'four\n'].flatMap((text) => [...bytes(text), EOS])
    expect(await idsOf(options.out)).toEqual(expected)
  })

  test('a text file in pieces is still one document', async () => {
    const options = corpus({ shardTokens: 1_000_000, eos: true })
    const text = 'a line of a long text file\n'.repeat(200_000)
    writeFileSync(join(options.root, 'c.txt'), text)
    const { manifest } = await tokenizeCorpus({ ...options, inputs: join(options.root, 'c.txt') })
    expect(manifest.documents).toBe(1)
    expect(manifest.tokens).toBe(text.length + 2)
    expect(manifest.shards.map(({ documents }) => documents)).toEqual([1, ...Array<number>(5).fill(0)])
    const ids = await idsOf(options.out)
    expect(Buffer.from(ids.slice(1, -1)).equals(Buffer.from(text))).toBe(true)
    expect([ids[0], ids.at(-1)]).toEqual([BOS, EOS])
  })

  test('the same request finds the set again, without the tokenizer', async () => {
    const options = corpus()
    const { manifest } = await tokenizeCorpus(options)
    const lazy = byteEncoder({ encodeDocuments: () => Promise.reject(new Error('encoded again')) })
    expect(await tokenizeCorpus({ ...options, tokenizer: lazy })).toEqual({
      folder: options.out,
      manifest,
      reused: true,
    })
  })

  test('another request never overwrites a set', async () => {
    const options = corpus()
    await tokenizeCorpus(options)
    const before = readFileSync(join(options.out, 'manifest.json'), 'utf8')
    const different: Partial<TokenizeOptions>[] = [
      { tokenizer: byteEncoder({ fingerprint: 'other' }) },
      { eos: true },
      { shardTokens: 7 },
      { type: 'uint32' },
      { inputs: join(options.root, 'c.txt') },
    ]
    for (const change of different) {
      await expect(tokenizeCorpus({ ...options, ...change })).rejects.toThrow(
        /holds a token set of other inputs/,
      )
    }
    utimesSync(join(options.root, 'a.jsonl'), 1, 1)
    await expect(tokenizeCorpus(options)).rejects.toThrow(/other inputs/)
    expect(readFileSync(join(options.out, 'manifest.json'), 'utf8')).toBe(before)
  })

  test('a folder with anything else in it is left alone', async () => {
    const options = corpus()
    mkdirSync(options.out)
    writeFileSync(join(options.out, 'thesis.tex'), 'x')
    await expect(tokenizeCorpus(options)).rejects.toThrow(/not empty and holds no token set/)
    await expect(tokenizeCorpus({ ...options, out: join(options.root, 'c.txt') })).rejects.toThrow(
      /is a file/,
    )
  })

  test('a cache keeps a set for each request', async () => {
    const { out: cache, ...options } = corpus()
    const first = await cachedTokens({ ...options, cache })
    const second = await cachedTokens({ ...options, cache, eos: true })
    const again = await cachedTokens({ ...options, cache })
    expect([first.reused, second.reused, again.reused]).toEqual([false, false, true])
    expect(second.folder).not.toBe(first.folder)
    expect(again.folder).toBe(first.folder)
    expect(readdirSync(cache).length).toBe(2)
  })

  test('two runs of the same request at the same time both succeed', async () => {
    const options = corpus()
    const results = await Promise.all([tokenizeCorpus(options), tokenizeCorpus(options)])
    expect(results[0].manifest).toEqual(results[1].manifest)
    expect(readdirSync(options.root).filter((name) => name.startsWith('tokens'))).toEqual(['tokens'])
  })

  test('progress counts up to all bytes, documents and tokens', async () => {
    const seen: TokenizeProgress[] = []
    const options = corpus({ onProgress: (progress) => seen.push(progress) })
    const { manifest } = await tokenizeCorpus(options)
    const { tokens, documents } = manifest
    const bytesTotal = manifest.sources.reduce((sum, source) => sum + source.bytes, 0)
    expect(seen.at(-1)).toEqual({ bytesRead: bytesTotal, bytesTotal, documents, tokens })
  })

  test.each([
    ['a damaged input', { inputs: 'bad/cut.jsonl.zst' }, /cut\.jsonl\.zst: zstd data is damaged/],
    ['a missing input', { inputs: 'none*.txt' }, /No file matches/],
    ['an abort', { signal: AbortSignal.abort(new Error('stop')) }, /stop/],
    [
      'a tokenizer that fails',
      { tokenizer: byteEncoder({ encodeDocuments: () => Promise.reject(new Error('oops')) }) },
      /oops/,
    ],
    [
      'ids outside the vocabulary',
      { tokenizer: byteEncoder({ vocabSize: 100 }) },
      /outside its vocabulary of 100/,
    ],
    [
      'a callback that throws',
      {
        onProgress: () => {
          throw new Error('mine')
        },
      },
      /mine/,
    ],
  ] as [string, Partial<TokenizeOptions>, RegExp][])(
    '%s leaves nothing behind',
    async (_, change, message) => {
      let options = corpus(change)
      if (typeof change.inputs === 'string')
        options = { ...options, inputs: join(options.root, change.inputs) }
      mkdirSync(join(options.root, 'bad'))
      writeFileSync(
        join(options.root, 'bad', 'cut.jsonl.zst'),
        rawFrame(Buffer.from('{"text":"x"}\n')).subarray(0, -1),
      )
      await expect(tokenizeCorpus(options)).rejects.toThrow(message)
      expect(readdirSync(options.root).filter((name) => name.startsWith('tokens'))).toEqual([])
    },
  )

  test('an input that is written to meanwhile is noticed', async () => {
    const options = corpus()
    const file = join(options.root, 'a.jsonl')
    const onProgress = () => writeFileSync(file, '{"text":"more"}\n', { flag: 'a' })
    await expect(tokenizeCorpus({ ...options, onProgress })).rejects.toThrow(
      /a\.jsonl changed while it was tokenized/,
    )
  })

  test('impossible options are refused before anything is read', async () => {
    const options = corpus()
    for (const shardTokens of [0, -1, 1.5, NaN]) {
      await expect(tokenizeCorpus({ ...options, shardTokens })).rejects.toMatchObject({
        path: 'data.shardTokens',
      })
    }
    const wide = byteEncoder({ vocabSize: 100_000 })
    await expect(tokenizeCorpus({ ...options, type: 'uint16', tokenizer: wide })).rejects.toThrow(
      /does not fit into uint16/,
    )
    expect((await tokenizeCorpus({ ...options, tokenizer: wide })).manifest.type).toBe('uint32')
  })

  test.skipIf(process.getuid?.() === 0)('a folder that may not be written', async () => {
    const options = corpus()
    const locked = join(options.root, 'locked')
    mkdirSync(locked, { mode: 0o555 })
    await expect(tokenizeCorpus({ ...options, out: join(locked, 'tokens') })).rejects.toMatchObject({
      code: 'ERR_SAVE',
    })
  })
})
