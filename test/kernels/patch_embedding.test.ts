import { describe, expect, it } from 'vitest'
import { nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { integers, nans, normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { expectClose, expectCloseBf16 } from '../helpers/tolerance.js'
import { patchEmbedding, patchEmbeddingBackward } from '../ops/reference/patch_embedding.js'
import { single } from '../ops/reference/precision.js'

interface Sizes {
  K: number
  B: number
  T: number
  V: number
  C: number
}

const gather = (table: Uint16Array, ids: Int32Array, C: number) =>
  Uint16Array.from({ length: ids.length * C }, (_, i) => table[ids[Math.floor(i / C)]! * C + (i % C)]!)

describe('patch_embedding on CUDA', () => {
  const sizes = [
    { B: 1, T: 1, V: 1, C: 8 },
    { B: 2, T: 17, V: 259, C: 64 },
    { B: 3, T: 21, V: 50, C: 136 },
    { B: 1, T: 5, V: 20, C: 1032 },
  ]
  const cases = [1, 2, 3, 4, 8].flatMap((K) => sizes.map((size) => ({ K, ...size })))

  it.each(cases)('is the mean of K rows: K $K, B $B, T $T, V $V, C $C', async ({ K, B, T, V, C }) => {
    const ids = integers(B * T * K, V, 1)
    const table = rounded(normals(V * C, 2))
    table[0] = -0
    const tensors = {
      ids: { data: ids, shape: [B, T * K] },
      table: { data: toBf16(table), shape: [V, C] },
      y: { data: nanBf16(B * T * C), shape: [B * T, C] },
    }
    const reference = patchEmbedding(ids, table, C, K)
    const naive = rounded(patchEmbedding(ids, table, C, K, single))
    for (const { y } of await runKernel('patch_embedding', tensors, { patch: K })) {
      expectCloseBf16(y!, reference, naive, K)
      if (K === 1) expect(y, 'a lookup, bit for bit').toEqual(gather(tensors.table.data, ids, C))
    }
  })

  it.each([-1, 50, 2 ** 31 - 1, -(2 ** 31)])('names the place of the id %i', async (bad) => {
    const ids = integers(2 * 12, 50, 3)
    ids[17] = bad
    const tensors = {
      ids: { data: ids, shape: [2, 12] },
      table: { data: toBf16(normals(50 * 8, 4)), shape: [50, 8] },
      y: { data: nanBf16(6 * 8), shape: [6, 8] },
    }
    await expect(runKernel('patch_embedding', tensors, { patch: 4 })).rejects.toThrow(
      `patch_embedding: index 17 of the batch holds token id ${bad}; ids must be in 0 … 49`,
    )
  })

  it('refuses a width that is no whole number of vectors', async () => {
    const tensors = {
      ids: { data: Int32Array.of(0), shape: [1, 1] },
      table: { data: nanBf16(12), shape: [1, 12] },
      y: { data: nanBf16(12), shape: [1, 12] },
    }
    await expect(runKernel('patch_embedding', tensors, { patch: 1 })).rejects.toThrow(
      'C is 12; on CUDA it needs a multiple of 8',
    )
  })
})

describe('patch_embedding_backward on CUDA', () => {
  /** Writing and accumulating; ids from `used` on never occur. */
  async function expectRight({ K, B, T, V, C }: Sizes, { used = V, modes = [0, 1] } = {}) {
    const ids = integers(B * T * K, used, 6)
    const dy = rounded(normals(B * T * C, 7))
    for (const accumulate of modes) {
      const before = accumulate ? normals(V * C, 8) : nans(V * C)
      const tensors = {
        ids: { data: ids, shape: [B, T * K] },
        dy: { data: toBf16(dy), shape: [B * T, C] },
        dtable: { data: before, shape: [V, C] },
      }
      const start = accumulate ? before : undefined
      const reference = patchEmbeddingBackward(ids, dy, V, C, K, start)
      const naive = patchEmbeddingBackward(ids, dy, V, C, K, start, single)
      const params = { patch: K, accumulate }
      for (const { dtable } of await runKernel('patch_embedding_backward', tensors, params))
        expectClose(dtable!, reference, naive, B * T * K)
    }
  }

  // A block sums 32 sorted positions at these sizes, and sorts 1024.
  const sizes = [
    { B: 1, T: 1, V: 1, C: 8 },
    { B: 1, T: 63, V: 300, C: 24 },
    { B: 1, T: 257, V: 259, C: 64 },
    { B: 3, T: 21, V: 17, C: 1032 },
  ]
  const cases = [1, 2, 3, 4, 8].flatMap((K) => sizes.map((size) => ({ K, ...size })))
  it.each(cases)('scatters dy/K: K $K, B $B, T $T, V $V, C $C', async (size) => {
    await expectRight(size)
  })

  it('sums runs of one token over many chunks, beside tokens that never occur', async () => {
    await expectRight({ K: 4, B: 1, T: 250, V: 100, C: 16 }, { used: 3 })
  })

  it('takes a batch of one token alone', async () => {
    await expectRight({ K: 5, B: 1, T: 1000, V: 40, C: 8 }, { used: 1 })
  })

  it('sorts by as many digits as the vocabulary has', async () => {
    await expectRight({ K: 1, B: 1, T: 1000, V: 70_000, C: 8 })
  })

  it('sums longer chunks where there are many positions', async () => {
    await expectRight({ K: 8, B: 1, T: 4_200, V: 1_000, C: 8 })
  })

  it('counts every position of the most frequent ids exactly once', async () => {
    const ids = Int32Array.from(integers(5_000, 100, 9), (id) => (id < 70 ? 7 : id < 90 ? 8 : id))
    const counts = new Float32Array(100)
    for (const id of ids) counts[id]!++
    const tensors = {
      ids: { data: ids, shape: [1, 5_000] },
      dy: { data: toBf16(new Float32Array(5_000 * 8).fill(1)), shape: [5_000, 8] },
      dtable: { data: nans(100 * 8), shape: [100, 8] },
    }
    const expected = Float32Array.from({ length: 800 }, (_, i) => counts[Math.floor(i / 8)]!)
    for (const { dtable } of await runKernel('patch_embedding_backward', tensors, {
      patch: 1,
      accumulate: 0,
    }))
      expect(dtable).toEqual(expected)
  })

  it.each([-1, 3, 2 ** 31 - 1, -(2 ** 31)])('names the place of the id %i', async (bad) => {
    const tensors = {
      ids: { data: Int32Array.of(0, 1, bad, 2), shape: [2, 2] },
      dy: { data: toBf16(normals(32, 10)), shape: [4, 8] },
      dtable: { data: nans(24), shape: [3, 8] },
    }
    await expect(runKernel('patch_embedding_backward', tensors, { patch: 1, accumulate: 0 })).rejects.toThrow(
      `patch_embedding_backward: index 2 of the batch holds token id ${bad}; ids must be in 0 … 2`,
    )
  })

  it('refuses a width that is no whole number of vectors', async () => {
    const tensors = {
      ids: { data: Int32Array.of(0), shape: [1, 1] },
      dy: { data: nanBf16(4), shape: [1, 4] },
      dtable: { data: nans(4), shape: [1, 4] },
    }
    await expect(runKernel('patch_embedding_backward', tensors, { patch: 1, accumulate: 0 })).rejects.toThrow(
      'C is 4; on CUDA it needs a multiple of 8',
    )
  })
})
