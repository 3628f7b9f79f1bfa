import { Worker } from 'node:worker_threads'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { loadAddon } from '../../lib/native/load.js'

const modelFile = fileURLToPath(new URL('golden/tokenizer/plain.model', import.meta.url))
const crossingFile = fileURLToPath(new URL('golden/tokenizer/crossing.model', import.meta.url))
const text = readFileSync(new URL('../../data/tinyshakespeare.txt', import.meta.url), 'utf8')
const documents = ['', ...text.split('\n\n').slice(0, 2_000), '', 'end']

describe('encodeDocuments', async () => {
  const tokenizer = await loadTokenizer(modelFile)
  afterAll(() => tokenizer.dispose())

  test.each([1, 2, 3])('keeps the order and the ids of encode, with %d threads', async (threads) => {
    const { ids, offsets } = await tokenizer.encodeDocuments(documents, { bos: true, eos: true, threads })
    expect(offsets).toHaveLength(documents.length + 1)
    expect(offsets[0]).toBe(0)
    documents.forEach((document, i) => {
      const expected = tokenizer.encode(document, { bos: true, eos: true })
      expect(ids.subarray(offsets[i], offsets[i + 1])).toEqual(expected)
    })
    expect(offsets.at(-1)).toBe(ids.length)
  })

  test('cuts a long document for its threads without changing an id', async () => {
    for (const file of [modelFile, crossingFile]) {
      const other = await loadTokenizer(file)
      const long = ['x'.repeat(200_000), text, text.replaceAll('\n', ' é日')].join(' ')
      const { ids } = await other.encodeDocuments([long], { threads: 2 })
      expect(Buffer.compare(Buffer.from(ids.buffer), Buffer.from(other.encode(long).buffer))).toBe(0)
      other.dispose()
    }
  })

  test('takes no documents, and several calls at once', async () => {
    const empty = await tokenizer.encodeDocuments([])
    expect([empty.ids.length, ...empty.offsets]).toEqual([0, 0])
    const results = await Promise.all(
      documents.slice(0, 50).map((document) => tokenizer.encodeDocuments([document])),
    )
    results.forEach(({ ids }, i) => expect(ids).toEqual(tokenizer.encode(documents[i]!)))
  })

  test('leaves the event loop free', async () => {
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    await tokenizer.encodeDocuments(
      Array.from({ length: 16 }, () => text),
      { threads: 1 },
    )
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(3)
  })

  test('rejects what is no text or no number of threads', async () => {
    const hostile = tokenizer.encodeDocuments.bind(tokenizer) as (...args: unknown[]) => Promise<unknown>
    await expect(hostile(['a', 1])).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
    await expect(hostile('text')).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
    for (const threads of [0, -1, 1.5, 1e9, Number.NaN])
      await expect(hostile(['a'], { threads })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' })
  })
})

describe('dispose', () => {
  test('rejects work under way, refuses new work, and may be repeated', async () => {
    const tokenizer = await loadTokenizer(modelFile)
    const decoder = tokenizer.createDecoder()
    const batches = [1, 2, 3].map(() => tokenizer.encodeDocuments(Array.from({ length: 32 }, () => text)))
    tokenizer.dispose()
    tokenizer.dispose()
    for (const batch of batches) await expect(batch).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
    expect(() => tokenizer.encode('a')).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
    await expect(tokenizer.encodeDocuments(['a'])).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
    expect(() => tokenizer.decode([1])).toThrow(expect.objectContaining({ code: 'ERR_DISPOSED' }))
    expect(decoder.push(68), 'a decoder needs its tokenizer no more').toBe('A')
  })

  test('a worker that is terminated in the middle of a batch takes nobody down', async () => {
    const source = `
      const { parentPort, workerData } = require('node:worker_threads')
      const module_ = { exports: {} }
      process.dlopen(module_, workerData.addon)
      const tokenizer = new module_.exports.BpeTokenizer(workerData.options)
      for (let i = 0; i < 4; i++) tokenizer.encodeBatch(Array(8).fill(workerData.text), true, false, 2)
      parentPort.postMessage('started')`
    const bytes = Array.from(
      { length: 256 },
      (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
    )
    const pieces = ['<s>', '</s>', ...bytes, '▁', 'a']
    const options = {
      texts: Buffer.from(pieces.join('')),
      lengths: Uint32Array.from(pieces, (piece) => Buffer.byteLength(piece)),
      scores: new Float32Array(pieces.length),
      types: Uint8Array.from(pieces, (_, id) => (id < 2 ? 3 : id < 258 ? 6 : 1)),
      bosId: 0,
      eosId: 1,
      dummyPrefix: true,
    }
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(source, {
        eval: true,
        workerData: { addon: loadAddon().path, options, text },
      })
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
    }
  })
})
