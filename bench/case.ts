import type { DType } from '../lib/native/addon.js'

/** What a tensor holds before the runs. Random data everywhere: kernels and memory run faster on zeros. */
export type Filling = { normal: number } | { idsBelow: number } | { values: readonly number[] }

export interface CaseTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly filling: Filling
}

/** One row of the benchmark: an op at one size. */
export interface Case {
  readonly op: string
  /** The sizes, in the project's letters. */
  readonly shape: string
  readonly tensors: Readonly<Record<string, CaseTensor>>
  readonly params: Readonly<Record<string, number>>
}

export const f32 = (...shape: number[]): CaseTensor => ({ dtype: 'f32', shape, filling: { normal: 1 } })
export const bf16 = (...shape: number[]): CaseTensor => ({ dtype: 'bf16', shape, filling: { values: [0] } })
/** bf16 of normal numbers: weights and activations on CUDA. */
export const brain = (...shape: number[]): CaseTensor => ({ dtype: 'bf16', shape, filling: { normal: 1 } })
export const small = (scale: number, ...shape: number[]): CaseTensor => ({
  dtype: 'f32',
  shape,
  filling: { normal: scale },
})
export const f64 = (...values: number[]): CaseTensor => ({
  dtype: 'f64',
  shape: [values.length],
  filling: { values },
})
export const losses = (count: number): CaseTensor => ({
  dtype: 'f64',
  shape: [count],
  filling: { values: [1] },
})
export const ids = (vocabulary: number, ...shape: number[]): CaseTensor => ({
  dtype: 'i32',
  shape,
  filling: { idsBelow: vocabulary },
})
export const scalar = (value: number): CaseTensor => ({
  dtype: 'i32',
  shape: [1],
  filling: { values: [value] },
})
