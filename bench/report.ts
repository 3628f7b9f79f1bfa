// What `npm run bench` writes: every sample of every row, round by round, with the ceilings of the same rounds.
import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { reportSchema } from './report-schema.js'
import { median, summary, type Timing } from './statistics.js'

export const reportFormat = 'patchtrain bench 2'

export interface Report {
  readonly format: typeof reportFormat
  /** What reproduces it. */
  readonly command: string
  readonly patchtrain: string
  readonly date: string
  readonly machine: Machine
  /** The instruction-set level of the CPU backend. */
  readonly level: string
  /** What other processes had of the machine's processor time in each round, 0 … 1. */
  readonly others: readonly number[]
  readonly ceilings: readonly Ceiling[]
  readonly rows: readonly Row[]
  /** What was asked for and not measured. */
  readonly skipped: readonly Skipped[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
}

export interface Skipped {
  readonly name: string
  readonly reason: string
}

export interface Ceiling {
  readonly threads: number
  /** One for each round. */
  readonly rounds: readonly Speeds[]
}

export interface Speeds {
  /** A loop of fp32 multiply-adds on registers. */
  readonly flopsPerSecond: number
  /** Copying memory. */
  readonly bytesPerSecond: number
  /** A large square product by our own op. */
  readonly gemmFlopsPerSecond: number
}

export type Row = OpRow | StepRow | AroundRow

interface Measured {
  readonly name: string
  /** The sizes, in the project's letters. */
  readonly sizes: string
  /** Of the CPU backend; null where it has no part. */
  readonly threads: number | null
  /** Which speed of the machine its own follows. */
  readonly follows: 'compute' | 'memory' | 'disk'
  /** Seconds of each run, round by round. */
  readonly rounds: readonly (readonly number[])[]
}

/** An op alone. */
export interface OpRow extends Measured {
  readonly group: 'ops'
  readonly threads: number
  /** Of one run; multiply and add counted apart. */
  readonly flops: number
  /** Of one run: every tensor read or written once. */
  readonly bytes: number
}

/** A whole training step: forward, backward, clipping, AdamW, and the loss read. */
export interface StepRow extends Measured {
  readonly group: 'step'
  readonly threads: number
  readonly tokens: number
  /** Model FLOPs, forward and backward; causal attention counted by half. */
  readonly flops: number
  /** Of the step's time, by the clocks of its plans; what is left of 1 is outside of kernels. */
  readonly shares: StepShares
  /** Main-thread time of each step, seconds. */
  readonly javascript: readonly number[]
  /** Absent where the system does not tell. */
  readonly memory?: StepMemory
}

export interface StepShares {
  readonly gemm: number
  readonly attention: number
  readonly crossEntropy: number
  readonly otherOps: number
}

/** Resident memory of the process that trained, bytes. */
export interface StepMemory {
  readonly peak: number
  /** What Node.js had with the addon loaded and the device open. */
  readonly baseline: number
  /** What `patchtrain plan` predicts for the process, without the pieces of checkpoints, as none is saved. */
  readonly planned: number
}

/** Something beside the step. */
export interface AroundRow extends Measured {
  readonly group: 'around'
  /** What one run does, for rows that have a speed. */
  readonly amount?: { readonly count: number; readonly unit: 'B' | 'tokens' }
  readonly note?: string
}

export const groups = ['ops', 'step', 'around'] as const

/** What filters look into. */
export const fullName = ({ group, name, sizes }: Pick<Row, 'group' | 'name' | 'sizes'>) =>
  `${group} ${name} ${sizes}`.trim()

/** Equal for the same row of two reports. */
export const keyOf = (row: Row) => `${fullName(row)} · ${row.threads ?? '–'}`

export const timingOf = (row: Row): Timing => summary(row.rounds.flat())

/** The ceilings of a number of threads, medians of the rounds; null, or one that was not measured, gets the first. */
export function ceilingOf(report: Report, threads: number | null): Speeds | undefined {
  const { rounds } = report.ceilings.find((c) => c.threads === threads) ??
    report.ceilings[0] ?? { rounds: [] }
  if (rounds.length === 0) return undefined
  const of = (key: keyof Speeds) => median(rounds.map((round) => round[key]))
  return {
    flopsPerSecond: of('flopsPerSecond'),
    bytesPerSecond: of('bytesPerSecond'),
    gemmFlopsPerSecond: of('gemmFlopsPerSecond'),
  }
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
  }
}

/** @throws {Error} that says what the file is instead */
export function readReport(path: string): Report {
  let report: Partial<Report>
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Partial<Report>
  } catch (error) {
    throw new Error(`${path} cannot be read as a report: ${(error as Error).message}`, { cause: error })
  }
  if (report?.format !== reportFormat)
    throw new Error(
      `${path} is no report of this benchmark: its format is '${report?.format ?? 'none'}' instead of '${reportFormat}'. ` +
        'Measure again with --json.',
    )
  const { error } = reportSchema.safeParse(report)
  if (error) {
    const { path: where, message } = error.issues[0]!
    throw new Error(`${path} is a damaged report: ${where.join('.')}: ${message}. Measure again with --json.`)
  }
  return report as Report
}

/** JSON with a line for each row; samples to four digits, which is more than repeats. */
export function reportText(report: Report): string {
  const short = (_key: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
  const { ceilings, rows, ...head } = report
  const lines = (values: readonly unknown[]) =>
    values.length === 0
      ? '[]'
      : `[\n${values.map((value) => `    ${JSON.stringify(value, short)}`).join(',\n')}\n  ]`
  const start = JSON.stringify(head, short, 2).slice(0, -2)
  return `${start},\n  "ceilings": ${lines(ceilings)},\n  "rows": ${lines(rows)}\n}\n`
}
