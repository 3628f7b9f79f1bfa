// What the tests of matrix products on CUDA share.
import { fromBf16, nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { nans, normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import type { OpTensor } from '../helpers/run-op.js'
import { expectClose, expectCloseBf16 } from '../helpers/tolerance.js'
import { gemm, type Product } from '../ops/reference/gemm.js'
import { single } from '../ops/reference/precision.js'

export type Output = 'bf16' | 'f32'

/** Random a and b. */
export function bf16Operands({ M, N, inner, transA, transB }: Product) {
  return {
    a: { data: toBf16(normals(M * inner, 1)), shape: transA ? [inner, M] : [M, inner] },
    b: { data: toBf16(normals(inner * N, 2)), shape: transB ? [N, inner] : [inner, N] },
  }
}

export const gemmParams = ({ transA, transB }: Product, accumulate: boolean) => ({
  trans_a: Number(transA),
  trans_b: Number(transB),
  accumulate: Number(accumulate),
})

/**
 * Runs a product as kernels are run, and holds it to the rule of tolerance.ts; the naive form of a bf16 result is the
 * naive fp32 form, rounded once.
 */
export async function expectProduct(
  product: Product,
  accumulate: boolean,
  output: Output,
  run: typeof runKernel = runKernel,
): Promise<void> {
  const { M, N, inner } = product
  const drawn = normals(M * N, 3)
  const before = accumulate ? (output === 'bf16' ? rounded(drawn) : drawn) : undefined
  const { a, b } = bf16Operands(product)
  const [left, right] = [fromBf16(a.data), fromBf16(b.data)]
  const reference = gemm(left, right, product, before)
  const naive = gemm(left, right, product, before, single)
  const c: OpTensor =
    output === 'bf16'
      ? { data: before ? toBf16(before) : nanBf16(M * N), shape: [M, N] }
      : { data: before ?? nans(M * N), shape: [M, N] }
  for (const { c: actual } of await run('gemm', { a, b, c }, gemmParams(product, accumulate)))
    if (actual instanceof Uint16Array) expectCloseBf16(actual, reference, rounded(naive), inner)
    else expectClose(actual as Float32Array, reference, naive, inner)
}
