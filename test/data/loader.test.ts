import { createHash } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { Loader } from '../../lib/data/loader.js'
import { splitValidation } from '../../lib/data/split.js'
import { tokensInMemory } from '../../lib/data/shards/token-source.js'
import type { TokenSource } from '../../lib/data/shards/token-source.js'

const corpus = Int32Array.from({ length: 1003 }, (_, i) => i)
const source = tokensInMemory(corpus, 1003)
const hash = (ids: Int32Array) => createHash('sha256').update(ids).digest('hex')

/** A source that counts what is asked of it, and can fail. */
function counting(failAt = Infinity): TokenSource & { reads: number; running: number } {
  return {
    tokens: source.tokens,
    vocabSize: source.vocabSize,
    reads: 0,
    running: 0,
    async read(position, out) {
      this.running++
      const turn = ++this.reads
      await new Promise((done) => setTimeout(done, 1))
      this.running--
      if (turn >= failAt) throw new Error(`read ${turn} failed`)
      await source.read(position, out)
    },
  }
}

describe('loader', () => {
  test('a batch is its samples, one row each', async () => {
    const loader = new Loader({ source, seed: 1, sequenceTokens: [8, 2] })
    const shape = { sequences: 7, sequenceTokens: 2 }
    const ids = await loader.batch(11, shape)
    const rows = loader.samples(11, shape).flatMap(({ start }) => [start, start + 1])
    expect([...ids]).toEqual(rows)
  })

  test('the stream of a run equals its batches asked for one by one, wherever it starts', async () => {
    const shape = { sequences: 3, sequenceTokens: 8 }
    const loader = new Loader({ source, seed: 2, sequenceTokens: [8] })
    const hashes: string[] = []
    // 60 batches of 24 tokens: past the end of the first epoch.
    for await (const batch of loader.stream({ ...shape, firstSample: 0, batches: 60 }))
      hashes.push(hash(batch.ids))
    expect(hashes.length).toBe(60)
    expect(new Set(hashes).size).toBe(60)
    const resumed = new Loader({ source, seed: 2, sequenceTokens: [8] })
    for await (const batch of resumed.stream({ ...shape, firstSample: 3 * 41, batches: 19 })) {
      expect(hash(batch.ids)).toBe(hashes[batch.firstSample / 3])
    }
    for (const n of [59, 0, 30]) expect(hash(await resumed.batch(3 * n, shape))).toBe(hashes[n])
  })

  test('two ranks with a stride read together what one rank reads', async () => {
    const loader = new Loader({ source, seed: 3, sequenceTokens: [4] })
    const collect = async (firstSample: number, sequences: number, stride: number, batches: number) => {
      const rows: number[] = []
      const options = { firstSample, sequences, stride, batches, sequenceTokens: 4 }
      for await (const { ids } of loader.stream(options)) rows.push(...ids)
      return rows
    }
    const whole = await collect(0, 4, 4, 5)
    const [even, odd] = [await collect(0, 2, 4, 5), await collect(2, 2, 4, 5)]
    const together = Array.from({ length: 5 }, (_, i) => [
      ...even.slice(i * 8, i * 8 + 8),
      ...odd.slice(i * 8, i * 8 + 8),
    ])
    expect(together.flat()).toEqual(whole)
  })

  test('reads ahead, so many batches and no more, and stops when the caller does', async () => {
    const slow = counting()
    const loader = new Loader({ source: slow, seed: 1, sequenceTokens: [8] })
    const stream = loader.stream({ firstSample: 0, sequences: 1, sequenceTokens: 8, prefetch: 3 })
    await stream.next()
    await vi.waitFor(() => expect(slow.reads).toBe(4))
    await new Promise((done) => setTimeout(done, 20))
    expect(slow.reads).toBe(4)
    await stream.next()
    expect(slow.reads).toBe(5)
    await stream.return()
    expect(slow.running).toBe(0)
    expect(slow.reads).toBe(5)
  })

  test('a failed read is reported at its batch; the batches before it still come', async () => {
    const failing = counting(3)
    const loader = new Loader({ source: failing, seed: 1, sequenceTokens: [8] })
    const stream = loader.stream({ firstSample: 0, sequences: 1, sequenceTokens: 8 })
    await stream.next()
    // The third read has failed, before anybody asks for it.
    await vi.waitFor(() => expect([failing.reads >= 3, failing.running]).toEqual([true, 0]))
    await stream.next()
    await expect(stream.next()).rejects.toThrow('read 3 failed')
  })

  test('samples of one block are fetched by one read', async () => {
    const slow = counting()
    const loader = new Loader({ source: slow, seed: 1, sequenceTokens: [16, 4] })
    await loader.batch(0, { sequences: 8, sequenceTokens: 4 })
    expect(slow.reads).toBeLessThanOrEqual(2)
  })
})

describe('validation split', () => {
  const documents = (...lengths: number[]) =>
    tokensInMemory(
      Int32Array.from(lengths.flatMap((length) => [1, ...Array<number>(length - 1).fill(9)])),
      10,
    )

  test('holds whole documents out, from the end', async () => {
    const { train, validation, cut } = await splitValidation(documents(40, 30, 15, 10, 5), 0.2, 1)
    expect(cut).toBe(85)
    expect([train.tokens, validation.tokens]).toEqual([85, 15])
    const first = new Int32Array(2)
    await validation.read(0, first)
    expect([...first]).toEqual([1, 9])
  })

  test('cuts a corpus of one document at the fraction', async () => {
    expect((await splitValidation(documents(1000), 0.1, 1)).cut).toBe(900)
    expect((await splitValidation(documents(990, 10), 0.1, 1)).cut).toBe(900)
  })

  test.each([0, 1, -0.1, NaN, 0.9999])('fraction %d of a small corpus is refused', async (fraction) => {
    await expect(splitValidation(documents(100), fraction, 1)).rejects.toMatchObject({ code: 'ERR_CONFIG' })
  })
})
