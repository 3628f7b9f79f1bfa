import { compare, quartiles, type Quartiles } from '../peers/cpu/summary.js'
import type { GemmReport, GemmRow } from './report.js'

export interface ProductSummary {
  readonly name: string
  readonly threads: number
  /** FLOP/s by the median turn, of those that finished. */
  readonly speeds: ReadonlyMap<string, number>
  /** Ours over the peak; undefined when ours did not finish. */
  readonly shareOfPeak?: number
  /** The fastest library, by its median. */
  readonly best?: string
  /** The time of that library over ours, turn by turn. */
  readonly ratio?: Quartiles
}

export function summariseProduct(row: GemmRow, peaks: GemmReport['peaks']): ProductSummary {
  const { name, threads, flops, contenders } = row
  const speeds = new Map(
    compare(contenders).flatMap(({ name, seconds, failure }) =>
      seconds && failure === undefined ? [[name, flops / seconds.median] as const] : [],
    ),
  )
  const ours = contenders[0]!
  const own = speeds.get(ours.name)
  const peak = peaks.find((one) => one.threads === threads)
  const [best] = [...speeds.entries()].filter(([other]) => other !== ours.name).sort((a, b) => b[1] - a[1])
  const against = contenders.find((one) => one.name === best?.[0])
  return {
    name,
    threads,
    speeds,
    ...(own !== undefined && peak && { shareOfPeak: own / peak.flopsPerSecond }),
    ...(own !== undefined &&
      against && {
        best: against.name,
        ratio: quartiles(against.seconds.map((seconds, i) => seconds / ours.seconds[i]!)),
      }),
  }
}

/** Of all products at one number of threads: the geometric mean of their ratios. */
export function meanRatio(products: readonly ProductSummary[]): number | undefined {
  const logs = products.flatMap(({ ratio }) => (ratio ? [Math.log(ratio.median)] : []))
  return logs.length === 0 ? undefined : Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length)
}

/** What each library is, and with which kernels it ran; why one did not run. */
export function libraryNotes(rows: readonly GemmRow[]): string[] {
  const notes = rows.flatMap(({ contenders }) =>
    contenders
      .slice(1)
      .flatMap(({ name, versions, skipped }) => [
        ...(versions ? [`${name}: ${versions['library']}, kernels ${versions['kernels']}`] : []),
        ...(skipped !== undefined ? [`${name} skipped: ${skipped}`] : []),
      ]),
  )
  return [...new Set(notes)]
}
