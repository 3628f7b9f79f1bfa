import { describe, expect, it } from 'vitest'
import { dot, expectGradient } from '../helpers/central-difference.js'
import { integers, nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { patchEmbedding, patchEmbeddingBackward } from './reference/patch_embedding.js'
import { single } from './reference/precision.js'

const patchSizes = [1, 2, 3, 4, 8]
const sizes = [
  { B: 1, T: 1, V: 1, C: 1 },
  { B: 2, T: 9, V: 50, C: 17 },
  { B: 3, T: 21, V: 300, C: 130 },
  { B: 1, T: 5, V: 20, C: 700 },
]
const cases = patchSizes.flatMap((K) => sizes.map((size) => ({ K, ...size })))

describe('patch_embedding', () => {
  it.each(cases)('is the mean of K rows: K $K, B $B, T $T, V $V, C $C', async ({ K, B, T, V, C }) => {
    const ids = integers(B * T * K, V, 1)
    const table = normals(V * C, 2)
    const tensors = {
      ids: { data: ids, shape: [B, T * K] },
      table: { data: table, shape: [V, C] },
      y: { data: nans(B * T * C), shape: [B * T, C] },
    }
    const reference = patchEmbedding(ids, table, C, K)
    for (const { y } of await runEverywhere('patch_embedding', tensors, { patch: K })) {
      if (K === 1) expect(Array.from(y!)).toEqual(Array.from(reference))
      else expectClose(y!, reference, patchEmbedding(ids, table, C, K, single), K)
    }
  })

  it.each([-1, 50, 2 ** 31 - 1, -(2 ** 31)])(
    'names the place of the id %i and writes nothing',
    async (bad) => {
      const ids = integers(2 * 12, 50, 3)
      ids[17] = bad
      const tensors = {
        ids: { data: ids, shape: [2, 12] },
        table: { data: normals(50 * 4, 4), shape: [50, 4] },
        y: { data: nans(6 * 4), shape: [6, 4] },
      }
      const message = `sequence 1, position 5 holds token id ${bad}; ids must be in 0 … 49`
      await expect(runOp('patch_embedding', tensors, { patch: 4 })).rejects.toThrow(message)
    },
  )

  it('refuses a sequence that K does not divide, and rows that do not fit', async () => {
    const ids = { data: integers(10, 5, 5), shape: [2, 5] }
    const table = { data: nans(20), shape: [5, 4] }
    const run = (y: number[], patch: number) =>
      expect(runOp('patch_embedding', { ids, table, y: { data: nans(y[0]! * y[1]!), shape: y } }, { patch }))
        .rejects
    await run([4, 4], 2).toThrow('5 tokens cannot be cut into patches of 2')
    await run([9, 4], 1).toThrow('y has 9 rows; ids [2, 5] in patches of 1 make 10')
    await run([10, 3], 1).toThrow('y has 3 columns, the table has 4')
  })
})

describe('patch_embedding_backward', () => {
  it.each(cases)(
    'scatters dy/K, writing and accumulating: K $K, B $B, T $T, V $V, C $C',
    async ({ K, B, T, V, C }) => {
      const ids = integers(B * T * K, Math.min(V, 20), 6) // ids from 20 on never occur, the others often
      const dy = normals(B * T * C, 7)
      for (const accumulate of [0, 1]) {
        const before = accumulate ? normals(V * C, 8) : nans(V * C)
        const tensors = {
          ids: { data: ids, shape: [B, T * K] },
          dy: { data: dy, shape: [B * T, C] },
          dtable: { data: before, shape: [V, C] },
        }
        const start = accumulate ? before : undefined
        const reference = patchEmbeddingBackward(ids, dy, V, C, K, start)
        const naive = patchEmbeddingBackward(ids, dy, V, C, K, start, single)
        for (const { dtable } of await runEverywhere('patch_embedding_backward', tensors, {
          patch: K,
          accumulate,
        }))
          expectClose(dtable!, reference, naive, B * T * K)
      }
    },
  )

  it('has a reference that is the gradient of the forward reference', () => {
    const [V, C, K] = [6, 3, 2]
    const ids = integers(8, V, 9)
    const table = Float64Array.from(normals(V * C, 10))
    const dy = normals(4 * C, 11)
    const dtable = patchEmbeddingBackward(ids, dy, V, C, K, undefined)
    expectGradient(dtable, () => dot(patchEmbedding(ids, table, C, K), dy), table)
  })

  it('refuses an id outside the table before it changes the gradient', async () => {
    const tensors = {
      ids: { data: Int32Array.of(0, 3), shape: [1, 2] },
      dy: { data: nans(2), shape: [2, 1] },
      dtable: { data: nans(3), shape: [3, 1] },
    }
    await expect(runOp('patch_embedding_backward', tensors, { patch: 1, accumulate: 1 })).rejects.toThrow(
      'sequence 0, position 1 holds token id 3; ids must be in 0 … 2',
    )
  })
})
