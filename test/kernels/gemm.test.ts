import { describe, expect, it } from 'vitest'
import { launchStats } from '../helpers/launch-stats.js'
import { nans } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import type { Product } from '../ops/reference/gemm.js'
import { bf16Operands, expectProduct, gemmParams } from './expect-product.js'

const emulated = process.env['PATCHTRAIN_TEST_DEVICE'] === undefined

const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const

// Around the small tile (64 × 64, 32 of the sum at a time) and its copies of 8: each of M, N and inner meets each ragged
// size, with rows that start at 16 bytes and rows that do not. Then sums in 16 and 32 parts (64, 64, 1000 and beyond),
// and more rows of tiles than the 16 that blocks take column by column.
const sizes = [
  [1, 1, 1],
  [1, 17, 63],
  [17, 1, 64],
  [63, 64, 65],
  [64, 63, 127],
  [64, 128, 8],
  [65, 200, 17],
  [127, 65, 128],
  [128, 257, 72],
  [200, 127, 200],
  [257, 72, 33],
  [24, 64, 1000],
  [1000, 17, 16],
  [16, 1000, 257],
  [72, 104, 1600],
  [1100, 72, 32],
] as const

/** Up to 16 rows, b alone transposed: the kernel for tokens that are being generated. */
const thin = [
  [1, 16, 8],
  [1, 1000, 264],
  [2, 17, 2056],
  [8, 65, 256],
  [9, 63, 1032],
  [16, 127, 200],
] as const

describe.each(sizes)('gemm on CUDA, [%i, %i], inner %i', (M, N, inner) => {
  it.each(transposes)('writes and adds the product, transposed %s, %s', async (transA, transB) => {
    const product = { M, N, inner, transA, transB }
    await expectProduct(product, false, transA === transB ? 'bf16' : 'f32')
    await expectProduct(product, true, transA === transB ? 'f32' : 'bf16')
  })
})

describe.each(thin)('gemm on CUDA with few rows, [%i, %i], inner %i', (M, N, inner) => {
  it.each([
    ['bf16', false],
    ['bf16', true],
    ['f32', false],
    ['f32', true],
  ] as const)('into %s, accumulate %s', async (output, accumulate) => {
    await expectProduct({ M, N, inner, transA: false, transB: true }, accumulate, output)
  })
})

describe('gemm on CUDA', () => {
  it('carries NaN and infinity to the elements they belong to, and to no other', async () => {
    const product = { M: 20, N: 40, inner: 72, transA: false, transB: false }
    const { a, b } = bf16Operands(product)
    a.data[3 * 72 + 7] = 0x7fc0
    b.data[5 * 40 + 11] = 0x7f80
    const c = { data: nans(20 * 40), shape: [20, 40] }
    for (const { c: actual } of await runKernel('gemm', { a, b, c }, gemmParams(product, false)))
      actual!.forEach((value, i) => {
        expect(Number.isFinite(value), `element ${i}`).toBe(Math.floor(i / 40) !== 3 && i % 40 !== 11)
      })
  })

  it.runIf(emulated).each(transposes)(
    'reads shared memory without conflicts, and multiplies no more than the tiles hold, transposed %s, %s',
    async (transA, transB) => {
      const product = { M: 72, N: 136, inner: 72, transA, transB }
      const c = { data: nans(72 * 136), shape: [72, 136] }
      const [launch] = await launchStats('gemm', { ...bf16Operands(product), c }, gemmParams(product, false))
      const multiplications = (128 * 192 * 96) / (16 * 8 * 16)
      expect(launch).toMatchObject({ ldmatrixConflicts: 0, mma: multiplications })
    },
  )

  it('gives an element the same bits in a product of other height and width', async () => {
    const whole = { M: 200, N: 136, inner: 96, transA: false, transB: true }
    const part = { ...whole, M: 70, N: 72 }
    const { a, b } = bf16Operands(whole)
    const run = async ({ M, N, inner }: Product) => {
      const tensors = {
        a: { data: a.data.slice(0, M * inner), shape: [M, inner] },
        b: { data: b.data.slice(0, N * inner), shape: [N, inner] },
        c: { data: nans(M * N), shape: [M, N] },
      }
      return runKernel('gemm', tensors, gemmParams(whole, false))
    }
    const narrow = await run(part)
    for (const [i, { c: wide }] of (await run(whole)).entries())
      for (let row = 0; row < part.M; row++)
        expect(narrow[i]!.c!.subarray(row * part.N, (row + 1) * part.N)).toEqual(
          wide!.subarray(row * whole.N, row * whole.N + part.N),
        )
  })
})
