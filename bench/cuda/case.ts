import type { CaseTensor } from '../case.js'

/** A tensor of the case, or some of its rows. */
export type Use = string | { readonly tensor: string; readonly rows: readonly [begin: number, end: number] }

export interface Command {
  readonly op: string
  readonly tensors: Readonly<Record<string, Use>>
  readonly params: Readonly<Record<string, number>>
}

/** One row of the CUDA benchmark: one op, or the few ops that a peer does as one thing. */
export interface CudaCase {
  readonly section: Section
  /** What peers and results know the row by. */
  readonly name: string
  /** What a peer must know to do the same, in the project's letters. */
  readonly dims: Readonly<Record<string, number>>
  /** Whether the arithmetic of its products or the bytes it must move bound the row. */
  readonly bound: 'products' | 'bytes'
  readonly tensors: Readonly<Record<string, CaseTensor>>
  readonly commands: readonly Command[]
  /** Run once before: what makes the inputs fit one another. */
  readonly prepare?: readonly Command[]
}

export type Section = 'gemm' | 'attention' | 'fused' | 'head' | 'embedding' | 'optimizer'
