import { describe, it } from 'vitest'
import { expectProduct } from './expect-product.js'

// Outputs this large take the tile of 128 × 256: 81 of them, the last rows and columns mostly outside of C.
const [M, N] = [72, 20712]

describe('gemm on CUDA with a large output', () => {
  it.each([
    [false, false, 40, false, 'bf16'],
    [false, true, 72, true, 'f32'],
    [true, false, 40, true, 'f32'],
    [true, true, 40, false, 'bf16'],
  ] as const)(
    'transposed %s, %s, inner %i, accumulate %s, into %s',
    async (transA, transB, inner, accumulate, output) => {
      await expectProduct({ M, N, inner, transA, transB }, accumulate, output)
    },
  )
})
