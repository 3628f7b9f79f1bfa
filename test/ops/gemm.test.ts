import { describe, expect, it } from 'vitest'
import { nans, normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose } from '../helpers/tolerance.js'
import { gemm, type Product } from './reference/gemm.js'
import { single } from './reference/precision.js'

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const

// Around the tile (6 or 14 rows, 8 to 32 columns), the blocks (168 rows, 512 columns, 512 of the sum) and their
// tails; up to 4 rows take the path for thin products when b alone is transposed.
const sizes = [
  [1, 1, 1],
  [1, 65, 17],
  [2, 130, 33],
  [3, 5, 7],
  [4, 70, 65],
  [63, 1, 65],
  [17, 33, 1],
  [14, 32, 256],
  [15, 31, 257],
  [169, 63, 65],
  [13, 513, 40],
  [30, 64, 513],
] as const

function tensors(product: Product, c: Float32Array) {
  const { M, N, inner, transA, transB } = product
  return {
    a: { data: normals(M * inner, 1), shape: transA ? [inner, M] : [M, inner] },
    b: { data: normals(inner * N, 2), shape: transB ? [N, inner] : [inner, N] },
    c: { data: c, shape: [M, N] },
  }
}

const params = ({ transA, transB }: Product, accumulate: boolean) => ({
  trans_a: Number(transA),
  trans_b: Number(transB),
  accumulate: Number(accumulate),
})

async function expectProduct(product: Product, accumulate: boolean): Promise<void> {
  const { M, N, inner } = product
  const before = accumulate ? normals(M * N, 3) : undefined
  const given = tensors(product, before ?? nans(M * N))
  const reference = gemm(given.a.data, given.b.data, product, before)
  const naive = gemm(given.a.data, given.b.data, product, before, single)
  for (const { c } of await runEverywhere('gemm', given, params(product, accumulate)))
    expectClose(c!, reference, naive, inner)
}

describe.each(sizes)('gemm [%i, %i], inner %i', (M, N, inner) => {
  it.each(transposes)('writes and adds the product, transposed %s, %s', async (transA, transB) => {
    for (const accumulate of [false, true]) await expectProduct({ M, N, inner, transA, transB }, accumulate)
  })
})

describe('gemm', () => {
  it('is right where the right operand is packed in several chunks, in depth and in width', async () => {
    await expectProduct({ M: 9, N: 5, inner: 4100, transA: false, transB: true }, false)
    await expectProduct({ M: 9, N: 1100, inner: 2050, transA: true, transB: false }, true)
  })

  it('gives an element the same bits in a product of other height and width', async () => {
    const [M, N, inner] = [200, 600, 300]
    const whole = { M, N, inner, transA: false, transB: true }
    const part = { ...whole, M: 7, N: 19 }
    const big = tensors(whole, nans(M * N))
    const small = {
      a: { data: big.a.data.slice(0, 7 * inner), shape: [7, inner] },
      b: { data: big.b.data.slice(0, 19 * inner), shape: [19, inner] },
      c: { data: nans(7 * 19), shape: [7, 19] },
    }
    const wide = await runEverywhere('gemm', big, params(whole, false))
    const narrow = await runEverywhere('gemm', small, params(part, false))
    wide.forEach(({ c }, level) => {
      for (let i = 0; i < 7; i++)
        expect(narrow[level]!.c!.subarray(i * 19, (i + 1) * 19)).toEqual(c!.subarray(i * N, i * N + 19))
    })
  })

  it('carries NaN and infinity to the elements they belong to, and to no other', async () => {
    const product = { M: 20, N: 40, inner: 30, transA: false, transB: false }
    const given = tensors(product, nans(20 * 40))
    given.a.data[3 * 30 + 7] = NaN
    given.b.data[5 * 40 + 11] = Infinity
    for (const { c } of await runEverywhere('gemm', given, params(product, false)))
      c!.forEach((value, i) => {
        expect(Number.isFinite(value), `element ${i}`).toBe(Math.floor(i / 40) !== 3 && i % 40 !== 11)
      })
  })

  it('refuses shapes that do not multiply', async () => {
    const given = {
      a: { data: nans(6), shape: [2, 3] },
      b: { data: nans(8), shape: [2, 4] },
      c: { data: nans(8), shape: [2, 4] },
    }
    await expect(runOp('gemm', given, { trans_a: 0, trans_b: 0, accumulate: 0 })).rejects.toThrow(
      'a is [2, 3], b is [2, 4], c is [2, 4]; the product needs op(a) [M, inner], op(b) [inner, N], c [M, N]',
    )
    await expect(runOp('gemm', given, { trans_a: 1, trans_b: 0, accumulate: 0 })).rejects.toThrow(
      'a (transposed) is [2, 3]',
    )
  })
})
