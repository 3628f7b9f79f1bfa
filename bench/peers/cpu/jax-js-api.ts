// The part of @jax-js/jax 0.1 that the contender uses, written down because the package is no dependency of ours.
// An array is consumed by what it is passed to; `ref` keeps it for another use.

export interface JaxArray {
  readonly ref: JaxArray
  add(other: JaxArray | number): JaxArray
  sub(other: JaxArray | number): JaxArray
  mul(other: JaxArray | number): JaxArray
  div(other: JaxArray | number): JaxArray
  neg(): JaxArray
  equal(other: number): JaxArray
  sum(): JaxArray
  mean(axis: number, options: { keepdims: true }): JaxArray
  reshape(shape: readonly number[]): JaxArray
  transpose(order?: readonly number[]): JaxArray
  /** `[]` takes a whole axis, `[from]` or `[from, to]` a part of it. */
  slice(...parts: (readonly number[])[]): JaxArray
  dispose(): void
  data(): Promise<Float32Array>
}

/** Name → array. */
export type JaxArrays = Record<string, JaxArray>

export interface Jax {
  readonly numpy: {
    readonly int32: string
    array(values: Float32Array | Int32Array, options: { shape: readonly number[]; dtype?: string }): JaxArray
    zeros(shape: readonly number[]): JaxArray
    tri(size: number): JaxArray
    take(from: JaxArray, indices: JaxArray, axis: number): JaxArray
    matmul(a: JaxArray, b: JaxArray): JaxArray
    split(x: JaxArray, parts: number, axis: number): JaxArray[]
    concatenate(parts: readonly JaxArray[], axis: number): JaxArray
    where(condition: JaxArray, yes: JaxArray, no: number): JaxArray
    minimum(a: number, b: JaxArray): JaxArray
    reciprocal(x: JaxArray): JaxArray
    sqrt(x: JaxArray): JaxArray
  }
  readonly nn: {
    silu(x: JaxArray): JaxArray
    softmax(x: JaxArray, axis: number): JaxArray
    logSoftmax(x: JaxArray, axis: number): JaxArray
    oneHot(indices: JaxArray, classes: number): JaxArray
  }
  readonly tree: { ref(arrays: JaxArrays): JaxArrays }
  jit<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R
  readonly valueAndGrad: (
    f: (weights: JaxArrays) => JaxArray,
  ) => (weights: JaxArrays) => [JaxArray, JaxArrays]
  blockUntilReady(arrays: readonly JaxArrays[]): Promise<unknown>
}
