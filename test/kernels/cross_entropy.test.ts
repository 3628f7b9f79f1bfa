import { describe, expect, it } from 'vitest'
import { fromBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { integers, normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { expectClose, expectCloseBf16 } from '../helpers/tolerance.js'
import { crossEntropy } from '../ops/reference/cross_entropy.js'
import { single } from '../ops/reference/precision.js'

interface Sizes {
  K: number
  V: number
  B?: number
  T?: number
  firstRow?: number
  rows?: number
  scale?: number
}

function problem({ K, V, B = 1, T = 3, firstRow = 0, rows = B * T, scale = 1 / 37 }: Sizes) {
  const ids = integers(B * T * K, V, 1)
  const logits = rounded(normals(rows * V, 2, 4))
  const tensors = {
    logits: { data: toBf16(logits), shape: [rows, V] },
    ids: { data: ids, shape: [B, T * K] },
    loss: { data: new Float64Array(rows).fill(NaN), shape: [rows] },
    scale: { data: Float64Array.of(scale), shape: [1] },
  }
  const params = { first_row: firstRow, positions: T, patch: K, gradient: 1 }
  const batch = { ids, positions: T, patch: K }
  const expectRight = async () => {
    const reference = crossEntropy(logits, V, batch, firstRow, scale)
    const naive = crossEntropy(logits, V, batch, firstRow, scale, single)
    for (const result of await runKernel('cross_entropy', tensors, params)) {
      expectClose(result.loss!, reference.loss, naive.loss)
      expectCloseBf16(result.logits!, reference.dlogits, rounded(naive.dlogits), V)
    }
  }
  return { tensors, params, expectRight }
}

describe('cross_entropy on CUDA', () => {
  // Rows of 259 or 1001 logits begin off the 16-byte grid.
  const small = [1, 2, 3, 4, 8].flatMap((K) => [1, 7, 17, 64, 259].map((V) => ({ K, V, B: 2 })))
  it.each(small)('agrees with the double reference: K $K, V $V', async (sizes) => {
    await problem(sizes).expectRight()
  })

  // Each block size at a full row and at a ragged one, and the rows that are read twice.
  const large = [1000, 1001, 1024, 1025, 4096, 5000, 16_384, 16_391, 32_000, 50_257, 65_536, 65_537, 70_001]
  it.each(large)('agrees with the double reference for %i logits', async (V) => {
    await problem({ K: 4, V, T: 3 }).expectRight()
  })

  it('takes more labels than a warp has lanes, many of them equal', async () => {
    await problem({ K: 200, V: 130, T: 2 }).expectRight()
  })

  it('takes a chunk of rows from the middle of the batch', async () => {
    await problem({ K: 3, V: 41, B: 3, T: 7, firstRow: 5, rows: 11 }).expectRight()
  })

  it('keeps gradients as small as those of a step of a million positions', async () => {
    await problem({ K: 2, V: 300, scale: 2 ** -40 }).expectRight()
  })

  it('leaves the logits alone without the gradient flag, and gives the same loss', async () => {
    for (const V of [131, 66_003]) {
      const { tensors, params } = problem({ K: 2, V })
      const withGradient = await runKernel('cross_entropy', tensors, params)
      const without = await runKernel('cross_entropy', tensors, { ...params, gradient: 0 })
      without.forEach((result, i) => {
        expect(result.loss).toEqual(withGradient[i]!.loss)
        expect(result.logits).toEqual(tensors.logits.data)
      })
    }
  })

  it('gives the last position of a sequence no loss and no gradient', async () => {
    const { tensors, params } = problem({ K: 4, V: 259, B: 2, T: 3 })
    for (const { loss, logits } of await runKernel('cross_entropy', tensors, params))
      for (const row of [2, 5]) {
        expect(loss![row]).toBe(0)
        expect(Array.from(logits!.subarray(row * 259, (row + 1) * 259))).toEqual(Array(259).fill(0))
      }
  })

  it('adds up labels that repeat, before it rounds', async () => {
    const { tensors, params } = problem({ K: 4, V: 9, T: 2, scale: 1 })
    tensors.ids.data.fill(3)
    tensors.logits.data.fill(0)
    const gradient = Array.from({ length: 9 }, (_, v) => 1 / 9 - (v === 3 ? 1 : 0))
    for (const { logits } of await runKernel('cross_entropy', tensors, params))
      expect(fromBf16(logits!.subarray(0, 9))).toEqual(rounded(gradient))
  })

  it('is exact for logits of any size: the largest is subtracted first', async () => {
    const { tensors, params } = problem({ K: 1, V: 20 })
    const logits = rounded(normals(60, 5).map((z) => z * 1e4 + 1e6))
    tensors.logits.data.set(toBf16(logits))
    const batch = { ids: tensors.ids.data, positions: 3, patch: 1 }
    const reference = crossEntropy(logits, 20, batch, 0, 1 / 37)
    for (const result of await runKernel('cross_entropy', tensors, params)) {
      expectClose(result.loss!, reference.loss)
      expectCloseBf16(result.logits!, reference.dlogits, reference.dlogits)
    }
  })

  it.each([
    ['NaN', [NaN], NaN],
    ['+inf', [Infinity], NaN],
    ['−inf everywhere', Array<number>(21).fill(-Infinity), NaN],
    ['a first vector of −inf', Array<number>(16).fill(-Infinity), Infinity],
  ])('meets %s in the row where it stands', async (_, values, expected) => {
    const { tensors, params } = problem({ K: 2, V: 21, B: 2, T: 5 })
    tensors.ids.data.fill(15) // a label of probability 0 has an infinite loss
    tensors.logits.data.set(toBf16(values), 21)
    for (const gradient of [0, 1])
      for (const { loss } of await runKernel('cross_entropy', tensors, { ...params, gradient }))
        expect(Array.from(loss!, (value, row) => (row === 1 ? value : Number.isFinite(value)))).toEqual(
          Array.from({ length: 10 }, (_, row) => (row === 1 ? expected : true)),
        )
  })

  it.each([-1, 10, 2 ** 31 - 1, -(2 ** 31)])(
    'names the place of the label %i, and looks at the labels of its chunk alone',
    async (bad) => {
      const { tensors, params } = problem({ K: 2, V: 10, B: 2, T: 5, firstRow: 4, rows: 3 })
      const { data } = tensors.ids // labels of rows 5 and 6 are the flat ids 12 … 15; row 4 is the last of a sequence
      data[9] = data[10] = data[16] = bad
      await runKernel('cross_entropy', tensors, params)
      data[14] = bad
      await expect(runKernel('cross_entropy', tensors, params)).rejects.toThrow(
        `cross_entropy: index 14 of the batch holds token id ${bad}; ids must be in 0 … 9`,
      )
    },
  )
})

describe('sum_loss on CUDA', () => {
  it.each([1, 17, 1024, 5000])('sums %i losses in double, writing and accumulating', async (n) => {
    const loss = Float64Array.from(normals(n, 3), (x) => x + 1e-9)
    const sum = loss.reduce((total, x) => total + x, 0)
    for (const accumulate of [0, 1]) {
      const tensors = {
        loss: { data: loss, shape: [n] },
        total: { data: Float64Array.of(accumulate ? 100 : NaN), shape: [1] },
      }
      for (const { total } of await runKernel('sum_loss', tensors, { accumulate }))
        expect(total![0]).toBeCloseTo(sum + 100 * accumulate, 9)
    }
  })
})
