import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { Permutation } from '../../lib/data/order/permutation.js'
import { firstSampleAfter, SampleOrder } from '../../lib/data/order/sample-order.js'

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('permutation', () => {
  test('is a bijection for every size, seed and stream', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.maxSafeNat(),
        fc.maxSafeNat(),
        (size, seed, stream) => {
          const permutation = new Permutation(size, seed, stream)
          const seen = new Set(range(size).map((i) => permutation.at(i)))
          expect(seen.size).toBe(size)
          expect(Math.min(...seen)).toBe(0)
          expect(Math.max(...seen)).toBe(size - 1)
        },
      ),
    )
  })

  test('stays inside and does not collide for sizes that no array could hold', () => {
    for (const size of [2 ** 26 + 1, 2 ** 32, 2 ** 40 - 7, 4 ** 20 + 1, 2 ** 50]) {
      const permutation = new Permutation(size, 1, 2)
      const values = range(2000).map((i) => permutation.at(size - 1 - i))
      expect(new Set(values).size).toBe(2000)
      expect(values.every((value) => Number.isInteger(value) && value >= 0 && value < size)).toBe(true)
    }
  })

  test('differs between seeds and between streams, in high bits of them too', () => {
    const values = (seed: number, stream: number) =>
      range(50).map((i) => new Permutation(1000, seed, stream).at(i))
    const all = [
      values(0, 0),
      values(1, 0),
      values(0, 1),
      values(2 ** 32, 0),
      values(0, 2 ** 32),
      values(2 ** 52, 0),
    ]
    expect(new Set(all.map(String)).size).toBe(all.length)
  })

  test('spreads evenly: neighbours land anywhere', () => {
    // Chi-squared of 64 × 64 cells (from, to) with 16 expected each: mean 3969, deviation about 90.
    const [size, cells] = [65_536, 64]
    for (const stream of range(3)) {
      const permutation = new Permutation(size, 5, stream)
      const counts = new Float64Array(cells * cells)
      for (let i = 0; i < size; i++) {
        counts[Math.floor((i * cells) / size) * cells + Math.floor((permutation.at(i) * cells) / size)]!++
      }
      const chi = counts.reduce((sum, count) => sum + (count - 16) ** 2 / 16, 0)
      expect(chi).toBeGreaterThan(3500)
      expect(chi).toBeLessThan(4450)
    }
  })
})

describe('order of samples', () => {
  const order = new SampleOrder({ tokens: 8 * 1000 + 5, seed: 7, sequenceTokens: [8, 2] })

  test('sample n depends on seed, corpus and n only', () => {
    const again = new SampleOrder({ tokens: 8005, seed: 7, sequenceTokens: [2, 8] })
    const indices = [3999, 0, 12_345, 7, 4000, 7]
    expect(indices.map((i) => again.sample(i, 2))).toEqual(indices.map((i) => order.sample(i, 2)))
    // A value of record: another order would make old runs impossible to continue.
    expect(range(6).map((i) => order.sample(i, 8).start)).toMatchInlineSnapshot(`
      [
        5696,
        4352,
        5096,
        4872,
        1848,
        1544,
      ]
    `)
  })

  test('an epoch holds every block once, whatever the length of its samples', () => {
    for (const epoch of [0, 1, 5]) {
      for (const length of [8, 2]) {
        const perEpoch = order.epochTokens / length
        const samples = range(perEpoch).map((i) => order.sample(epoch * perEpoch + i, length))
        expect(samples.every((sample) => sample.epoch === epoch)).toBe(true)
        expect(samples.map(({ start }) => start).sort((a, b) => a - b)).toEqual(
          range(perEpoch).map((i) => i * length),
        )
      }
    }
  })

  test('each epoch has its own permutation', () => {
    const epoch = (n: number) => range(1000).map((i) => order.sample(n * 1000 + i, 8).start)
    expect(epoch(0)).not.toEqual(epoch(1))
    expect(epoch(1)).not.toEqual(epoch(2))
  })

  test('across a switch of stages an epoch still reads every token exactly once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom([8, 2], [8, 4, 2], [6, 4, 1], [3, 2]),
        fc.array(fc.nat(30), { minLength: 2, maxLength: 2 }),
        (blocks, lengths, counts) => {
          const block = lengths.length === 2 && lengths[0] === 3 ? 6 : lengths[0] === 6 ? 12 : 8
          const stages = new SampleOrder({ tokens: blocks * block, seed: 1, sequenceTokens: lengths })
          expect(stages.blockTokens).toBe(block)
          const reads = new Uint8Array(stages.epochTokens)
          let consumed = 0
          let skipped = 0
          lengths.forEach((length, stage) => {
            const first = firstSampleAfter(consumed, length)
            skipped += first * length - consumed
            // The last stage finishes the epoch, the others read some samples of it.
            const limit = stage === lengths.length - 1 ? Infinity : counts[stage]!
            const last = Math.max(first, Math.min(first + limit, Math.floor(stages.epochTokens / length)))
            for (let i = first; i < last; i++) {
              const { start } = stages.sample(i, length)
              for (let t = start; t < start + length; t++) reads[t]!++
            }
            consumed = last * length
          })
          expect(Math.max(...reads)).toBe(1)
          // Only where a length does not divide the one before may the switch pass over a few tokens.
          expect(reads.filter((count) => count === 0).length).toBe(skipped)
          if (lengths.every((length, i) => i === 0 || lengths[i - 1]! % length === 0)) expect(skipped).toBe(0)
        },
      ),
    )
  })

  test('a sample never crosses a block nor the end of the corpus', () => {
    for (let i = 0; i < 8000; i++) {
      const { start } = order.sample(i, 2)
      expect(Math.floor(start / 8)).toBe(Math.floor((start + 1) / 8))
      expect(start + 2).toBeLessThanOrEqual(order.epochTokens)
    }
    expect(order.droppedTokens).toBe(5)
  })

  test('without shuffling it is the order of the corpus', () => {
    const plain = new SampleOrder({ tokens: 103, seed: 7, sequenceTokens: [10], shuffle: false })
    expect(range(12).map((i) => plain.sample(i, 10).start)).toEqual([
      0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 0, 10,
    ])
  })

  test('a corpus smaller than a block and impossible samples are refused', () => {
    expect(() => new SampleOrder({ tokens: 1023, seed: 0, sequenceTokens: [1024, 256] })).toThrow(
      /1023 tokens, fewer than the 1024 of one block/,
    )
    for (const index of [-1, 0.5, NaN, 2 ** 53]) expect(() => order.sample(index, 2)).toThrow(/no sample/)
    expect(() => order.sample(0, 3)).toThrow(/no sample/)
  })
})
