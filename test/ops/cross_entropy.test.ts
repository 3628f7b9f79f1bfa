import { describe, expect, it } from 'vitest'
import { expectGradient } from '../helpers/central-difference.js'
import { integers, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { crossEntropy } from './reference/cross_entropy.js'
import { single } from './reference/precision.js'

const scale = 1 / 37

function problem(
  K: number,
  V: number,
  options: { B?: number; T?: number; firstRow?: number; rows?: number } = {},
) {
  const { B = 2, T = 5, firstRow = 0, rows = B * T } = options
  const ids = integers(B * T * K, V, 1)
  const logits = normals(rows * V, 2, 4)
  const tensors = {
    logits: { data: logits, shape: [rows, V] },
    ids: { data: ids, shape: [B, T * K] },
    loss: { data: new Float64Array(rows).fill(NaN), shape: [rows] },
    scale: { data: Float64Array.of(scale), shape: [1] },
  }
  const params = { first_row: firstRow, positions: T, patch: K, gradient: 1 }
  return { tensors, params, logits, batch: { ids, positions: T, patch: K }, firstRow, V }
}

const cases = [1, 2, 3, 4, 8].flatMap((K) => [1, 17, 64, 65, 5000].map((V) => ({ K, V })))

describe('cross_entropy', () => {
  it.each(cases)('agrees with the double reference: K $K, V $V', async ({ K, V }) => {
    const { tensors, params, logits, batch } = problem(K, V)
    const reference = crossEntropy(logits, V, batch, 0, scale)
    const naive = crossEntropy(logits, V, batch, 0, scale, single)
    for (const result of await runEverywhere('cross_entropy', tensors, params)) {
      expectClose(result.loss!, reference.loss, naive.loss)
      expectClose(result.logits!, reference.dlogits, naive.dlogits, V)
    }
  })

  it('leaves the logits alone without the gradient flag, and gives the same loss', async () => {
    const { tensors, params, logits } = problem(2, 131)
    const [withGradient] = await runEverywhere('cross_entropy', tensors, params)
    const [without] = await runEverywhere('cross_entropy', tensors, { ...params, gradient: 0 })
    expect(without!.loss).toEqual(withGradient!.loss)
    expect(without!.logits).toEqual(logits)
  })

  it('takes a chunk of rows from the middle of the batch', async () => {
    const { tensors, params, logits, batch, firstRow, V } = problem(3, 40, {
      B: 3,
      T: 7,
      firstRow: 5,
      rows: 11,
    })
    const reference = crossEntropy(logits, V, batch, firstRow, scale)
    for (const result of await runEverywhere('cross_entropy', tensors, params)) {
      expectClose(result.loss!, reference.loss)
      expectClose(result.logits!, reference.dlogits, undefined, V)
    }
  })

  it('gives the last position of a sequence no loss and no gradient', async () => {
    const { tensors, params } = problem(4, 33, { B: 2, T: 3 })
    for (const { loss, logits } of await runEverywhere('cross_entropy', tensors, params))
      for (const row of [2, 5]) {
        expect(loss![row]).toBe(0)
        expect(Array.from(logits!.subarray(row * 33, (row + 1) * 33))).toEqual(Array(33).fill(0))
      }
  })

  it('adds up labels that repeat', async () => {
    const { tensors, params } = problem(4, 9, { B: 1, T: 2 })
    tensors.ids.data.fill(3)
    tensors.logits.data.fill(0)
    for (const { logits } of await runEverywhere('cross_entropy', tensors, params))
      expectClose(
        logits!.subarray(0, 9),
        Array.from({ length: 9 }, (_, v) => scale * (1 / 9 - (v === 3 ? 1 : 0))),
      )
  })

  it('is exact for logits of any size: the largest is subtracted first', async () => {
    const { tensors, params, logits, batch } = problem(1, 20)
    for (let i = 0; i < logits.length; i++) logits[i] = logits[i]! * 1e4 + 1e6
    const reference = crossEntropy(logits, 20, batch, 0, scale)
    for (const result of await runEverywhere('cross_entropy', tensors, params)) {
      expectClose(result.loss!, reference.loss)
      expectClose(result.logits!, reference.dlogits)
    }
  })

  it.each([
    ['NaN', [NaN]],
    ['+inf', [Infinity]],
    ['−inf everywhere', Array<number>(21).fill(-Infinity)],
  ])('reports %s as a NaN loss of that row alone', async (_, values) => {
    const { tensors, params } = problem(2, 21)
    tensors.logits.data.set(values, 21)
    for (const gradient of [0, 1])
      for (const { loss } of await runEverywhere('cross_entropy', tensors, { ...params, gradient }))
        expect(Array.from(loss!, Number.isNaN)).toEqual(Array.from({ length: 10 }, (_, row) => row === 1))
  })

  it('has a reference whose gradient is that of its loss', () => {
    const { batch, logits, V } = problem(3, 7)
    const z = Float64Array.from(logits)
    const total = () => crossEntropy(z, V, batch, 0, 1).loss.reduce((sum, loss) => sum + loss, 0)
    expectGradient(crossEntropy(z, V, batch, 0, 1).dlogits, total, z)
  })

  it('names the place of a label outside the vocabulary, and looks at the labels of its chunk alone', async () => {
    const { tensors, params } = problem(2, 10, { B: 2, T: 5, firstRow: 4, rows: 3 })
    const { data } = tensors.ids // labels of rows 4, 5 and 6 are the flat ids 10 … 15
    data[9] = data[16] = 10
    await runOp('cross_entropy', tensors, params)
    for (const [flat, place] of [
      [10, 'sequence 1, position 0'],
      [15, 'sequence 1, position 5'],
    ] as const) {
      const changed = data.map((id, i) => (i === flat ? 10 : id))
      const bad = { ...tensors, ids: { ...tensors.ids, data: changed } }
      const message = `${place} holds token id 10; ids must be in 0 … 9`
      await expect(runOp('cross_entropy', bad, params)).rejects.toThrow(message)
    }
  })

  it('refuses rows outside the batch and a T and K that do not make S', async () => {
    const { tensors, params } = problem(2, 10)
    const run = (change: object) => expect(runOp('cross_entropy', tensors, { ...params, ...change })).rejects
    await run({ first_row: 1 }).toThrow('rows 1 … 10 are not in a batch of 2 · 5 rows')
    await run({ positions: 4 }).toThrow('ids is [2, 10]; 4 positions of patches of 2 need S = 8')
    await run({ gradient: 0.5 }).toThrow('gradient')
  })
})

describe('sum_loss', () => {
  it.each([1, 17, 5000])('sums %i losses in double, writing and accumulating', async (n) => {
    const loss = Float64Array.from(normals(n, 3), (x) => x + 1e-9)
    const sum = loss.reduce((total, x) => total + x, 0)
    for (const accumulate of [0, 1]) {
      const tensors = {
        loss: { data: loss, shape: [n] },
        total: { data: Float64Array.of(accumulate ? 100 : NaN), shape: [1] },
      }
      for (const { total } of await runEverywhere('sum_loss', tensors, { accumulate }))
        expect(total![0]).toBeCloseTo(sum + 100 * accumulate, 9)
    }
  })
})
