import { cpus } from 'node:os'
import { duration, grouped } from '../../lib/report/format.js'
import { table } from '../../lib/report/table.js'
import type { Finding } from './case.js'
import { parts } from './parts.js'

export interface CaseResult extends Finding {
  readonly name: string
  readonly seconds: number
  /** Processes of the command line that were started. */
  readonly processes: number
}

export interface ChaosReport {
  readonly format: 'patchtrain-chaos'
  readonly command: string
  readonly date: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string }
  readonly seed: number
  readonly runs: number
  readonly seconds: number
  readonly failed: number
  readonly cases: readonly CaseResult[]
}

export function reportOf(
  command: string,
  seed: number,
  runs: number,
  cases: readonly CaseResult[],
): ChaosReport {
  return {
    format: 'patchtrain-chaos',
    command,
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version },
    seed,
    runs,
    seconds: cases.reduce((sum, { seconds }) => sum + seconds, 0),
    failed: cases.filter(failed).length,
    cases,
  }
}

export const failed = ({ problems }: CaseResult) => problems.length > 0

/** A row for each part, and below it each case that did not hold or was skipped. */
export function reportText({ cases, seed, runs }: ChaosReport): string {
  const rows = parts.flatMap(({ name, title }) => {
    const own = cases.filter((one) => one.name.startsWith(`${name}/`))
    return own.length === 0 ? [] : [rowOf(title, own)]
  })
  const summary = table(
    [
      { title: 'what is done to a run' },
      { title: 'cases', right: true },
      { title: 'interruptions', right: true },
      { title: 'processes', right: true },
      { title: 'time', right: true },
      { title: 'equal at the end' },
    ],
    [...rows, null, rowOf('all', cases)],
  )
  const notes = cases.flatMap((one) => {
    if (one.skipped !== undefined) return [`skipped ${one.name}: ${one.skipped}`]
    if (!failed(one)) return []
    return [
      `FAILED ${one.name}`,
      ...one.problems.map((text) => `  ${text}`),
      `  again: npm run chaos -- --runs ${runs} --seed ${seed} --only '${one.name}'`,
    ]
  })
  return [summary, ...notes].join('\n')
}

function rowOf(title: string, cases: readonly CaseResult[]): string[] {
  const sum = (of: (one: CaseResult) => number) => cases.reduce((total, one) => total + of(one), 0)
  const done = cases.filter((one) => one.skipped === undefined)
  const right = done.filter((one) => !failed(one)).length
  const left = cases.length - done.length
  return [
    title,
    grouped(cases.length),
    grouped(sum((one) => one.interruptions)),
    grouped(sum((one) => one.processes)),
    duration(sum((one) => one.seconds)),
    `${right} of ${done.length}${left > 0 ? `, ${left} skipped` : ''}`,
  ]
}
