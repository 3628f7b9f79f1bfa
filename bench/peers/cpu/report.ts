// What `npm run bench:peers` writes: every sample of every contender, with what is needed to read them.
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../../lib/native/load.js'
import { machine, type Machine } from '../../report.js'
import type { Race } from './race.js'
import { compare } from './summary.js'

export const peersFormat = 'patchtrain peers 1'

/** What the reports of both comparisons begin with. */
export interface Head {
  /** What reproduces it. */
  readonly command: string
  readonly patchtrain: string
  readonly date: string
  readonly machine: Machine
  /** Of the operating system when the run began: above zero, somebody else was computing. */
  readonly loadAverage: number
}

export interface PeersReport extends Head {
  readonly format: typeof peersFormat
  readonly torch: { readonly version: string; readonly python: string; readonly settings: readonly string[] }
  /** To which instructions contenders were held; absent: to none. */
  readonly held?: string
  readonly rows: readonly MeasuredRow[]
}

/** One race. Ours is the first of its contenders. */
export interface MeasuredRow extends Race {
  readonly name: string
  readonly threads: number
  /** Tokens a run, of a training step. */
  readonly tokens?: number
}

/** @throws {Error} where there is no /proc */
export function headOf(command: string): Head {
  if (process.platform !== 'linux')
    throw new Error(`this needs Linux, not ${process.platform}: memory and load are read from /proc`)
  const manifest = readFileSync(join(packageRoot(), 'package.json'), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  return {
    command,
    patchtrain: version,
    date: new Date().toISOString(),
    machine: machine(),
    loadAverage: loadavg()[0]!,
  }
}

/** JSON with a line for each contender; numbers to nine digits, which is all of an fp32 loss. */
export function reportText(report: Head & { readonly rows: readonly MeasuredRow[] }): string {
  const short = (_key: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value
  const { rows, ...head } = report
  const lines = rows.map(({ contenders, ...row }) => {
    const inner = contenders.map((samples) => `      ${JSON.stringify(samples, short)}`).join(',\n')
    return `    ${JSON.stringify(row, short).slice(0, -1)},"contenders":[\n${inner}\n    ]}`
  })
  return `${JSON.stringify(head, short, 2).slice(0, -2)},\n  "rows": [\n${lines.join(',\n')}\n  ]\n}\n`
}

/** The instruction-set level that ours ran at; undefined where it never did. */
export function levelOf(rows: readonly MeasuredRow[]): string | undefined {
  return rows.map(({ contenders }) => contenders[0]?.versions?.['level']).find((level) => level !== undefined)
}

/** Whether the machine was idle but for the contenders. */
export function disturbance(rows: readonly MeasuredRow[]): string {
  const known = rows.flatMap((row) => row.foreignCores ?? [])
  if (known.length === 0) return 'what else ran is not known'
  return `other processes meanwhile: up to ${Math.max(...known).toFixed(1)} cores`
}

/** What must not pass unseen: ours failed, a peer computes something else, or there was none left to compare with. */
export function complaints(rows: readonly MeasuredRow[]): string[] {
  return rows.flatMap(({ name, threads, contenders }) => {
    const [ours, ...peers] = contenders
    const failed = compare(contenders)
      .filter((one, i) => one.failure !== undefined && (i === 0 || contenders[i]!.skipped === undefined))
      .map((one) => `${one.name}: ${one.failure}`)
    const alone = ours?.skipped === undefined && peers.every(({ skipped }) => skipped !== undefined)
    return [...failed, ...(alone ? ['there was nothing to compare with'] : [])].map(
      (text) => `${name}, ${threads} threads, ${text}`,
    )
  })
}
