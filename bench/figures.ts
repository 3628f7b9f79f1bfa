// What rows say in terms of one another and of the ceilings of their run; the table and docs/performance.md show the same.
import { ceilingOf, timingOf, type OpRow, type Report, type Row, type StepRow } from './report.js'

export interface OpFigures {
  /** The ceiling that counts. */
  readonly bound: 'compute' | 'memory'
  /** FLOP/s or B/s of what bounds it. */
  readonly speed: number
  /** The time the ceilings allow, as a share of the measured one. Above 1 for data that stays in a cache. */
  readonly ofCeiling: number
  /** Of the rate of a large product; only where arithmetic bounds. */
  readonly ofGemm: number | undefined
}

export function opFigures(report: Report, row: OpRow): OpFigures | undefined {
  const ceiling = ceilingOf(report, row.threads)
  if (!ceiling) return undefined
  const { seconds } = timingOf(row)
  const compute = row.flops / ceiling.flopsPerSecond
  const memory = row.bytes / ceiling.bytesPerSecond
  const bound = compute > memory ? 'compute' : 'memory'
  return {
    bound,
    speed: (bound === 'compute' ? row.flops : row.bytes) / seconds,
    ofCeiling: Math.max(compute, memory) / seconds,
    ofGemm: bound === 'compute' ? row.flops / seconds / ceiling.gemmFlopsPerSecond : undefined,
  }
}

export interface StepFigures {
  readonly tokensPerSecond: number
  readonly flopsPerSecond: number
  /** Of the FMA peak and of the rate of a large product. */
  readonly ofPeak: number | undefined
  readonly ofGemm: number | undefined
  /** Median main-thread seconds of a step. */
  readonly javascript: number
  /** Bytes beyond what Node.js had before the model. */
  readonly memory: number | undefined
  /** Measured over planned, both without what Node.js had before. */
  readonly ofPlan: number | undefined
}

export function stepFigures(report: Report, row: StepRow): StepFigures {
  const { seconds } = timingOf(row)
  const ceiling = ceilingOf(report, row.threads)
  const flopsPerSecond = row.flops / seconds
  const own = row.memory && row.memory.peak - row.memory.baseline
  const sorted = [...row.javascript].sort((a, b) => a - b)
  return {
    tokensPerSecond: row.tokens / seconds,
    flopsPerSecond,
    ofPeak: ceiling && flopsPerSecond / ceiling.flopsPerSecond,
    ofGemm: ceiling && flopsPerSecond / ceiling.gemmFlopsPerSecond,
    javascript: sorted[Math.floor(sorted.length / 2)]!,
    memory: own,
    ofPlan: own && row.memory && own / (row.memory.planned - row.memory.baseline),
  }
}

/** How many times as fast as the same row with one thread. */
export function speedUp(report: Report, row: Row): number | undefined {
  if (row.threads === null || row.threads === 1) return undefined
  const alone = report.rows.find(
    ({ group, name, sizes, threads }) =>
      group === row.group && name === row.name && sizes === row.sizes && threads === 1,
  )
  return alone && timingOf(alone).seconds / timingOf(row).seconds
}
