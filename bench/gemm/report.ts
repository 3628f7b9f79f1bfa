// What `npm run bench:gemm` writes.
import type { Head, MeasuredRow } from '../peers/cpu/report.js'

export const gemmFormat = 'patchtrain gemm 1'

export interface GemmReport extends Head {
  readonly format: typeof gemmFormat
  /** fp32 multiply-adds on registers: the most there is, measured in the same run. */
  readonly peaks: readonly { readonly threads: number; readonly flopsPerSecond: number }[]
  readonly rows: readonly GemmRow[]
}

export interface GemmRow extends MeasuredRow {
  /** Of one product. */
  readonly flops: number
}
