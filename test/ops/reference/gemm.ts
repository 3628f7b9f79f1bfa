import { exact, type Numbers, type Round } from './precision.js'

export interface Product {
  readonly M: number
  readonly N: number
  readonly inner: number
  readonly transA: boolean
  readonly transB: boolean
}

/** C [M, N] = before + op(A) · op(B) */
export function gemm(
  a: Numbers,
  b: Numbers,
  { M, N, inner, transA, transB }: Product,
  before?: Numbers,
  round: Round = exact,
): Float64Array {
  const c = new Float64Array(M * N)
  for (let i = 0; i < M; i++)
    for (let j = 0; j < N; j++) {
      let sum = 0
      for (let k = 0; k < inner; k++) {
        const left = a[transA ? k * M + i : i * inner + k]!
        const right = b[transB ? j * inner + k : k * N + j]!
        sum = round(sum + round(left * right))
      }
      c[i * N + j] = before ? round(before[i * N + j]! + sum) : sum
    }
  return c
}
