import { arch, cpus, platform, release, totalmem } from 'node:os'
import type { Case } from './case.js'
import type { Measurement } from './measure.js'
import { longestWait, type RuntimeCost } from './runtime.js'

export interface Ceiling {
  threads: number
  flopsPerSecond: number
  bytesPerSecond: number
}

export interface Row extends Measurement {
  op: string
  shape: string
  threads: number
}

export interface Report {
  patchtrain: string
  date: string
  machine: ReturnType<typeof machine>
  level: string
  ceilings: Ceiling[]
  rows: Row[]
  runtime?: RuntimeCost
}

export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
  }
}

export const rowOf = ({ op, shape }: Case, threads: number, measurement: Measurement): Row => ({
  op,
  shape,
  threads,
  ...measurement,
})

/** The time the ceilings allow, as a share of the measured one. Above 1 for data that stays in a cache. */
export function shareOfCeiling(row: Row, ceiling: Ceiling): number {
  const floor = Math.max(row.flops / ceiling.flopsPerSecond, row.bytes / ceiling.bytesPerSecond)
  return floor / row.seconds
}

export function table(report: Report): string {
  const { machine: m, level } = report
  return [
    `${m.cpu}, ${m.cores} cores · ${m.system} · node ${m.node} · patchtrain ${report.patchtrain} (${level})`,
    ...report.ceilings.map(
      (c) =>
        `ceiling, ${threadsOf(c.threads)}: ${giga(c.flopsPerSecond)} GFLOP/s fp32 multiply-add, ${giga(c.bytesPerSecond)} GB/s copy`,
    ),
    '',
    ...(report.rows.length > 0 ? opTable(report) : []),
    ...(report.runtime ? runtimeLines(report.runtime) : []),
  ].join('\n')
}

function opTable({ rows, ceilings }: Report): string[] {
  const header = [
    'op',
    'sizes',
    'threads',
    'median',
    'best',
    'spread',
    'GFLOP/s',
    'GB/s',
    'of ceiling',
    'bound',
    'speed-up',
  ]
  const cells = rows.map((row) => {
    const ceiling = ceilings.find(({ threads }) => threads === row.threads)!
    const alone = rows.find((r) => r.op === row.op && r.shape === row.shape && r.threads === 1)
    const compute = row.flops / ceiling.flopsPerSecond > row.bytes / ceiling.bytesPerSecond
    return [
      row.op,
      row.shape,
      String(row.threads),
      time(row.seconds),
      time(row.best),
      `${Math.round(100 * row.spread)} %`,
      row.flops > 0 ? giga(row.flops / row.seconds) : '–',
      giga(row.bytes / row.seconds),
      `${Math.round(100 * shareOfCeiling(row, ceiling))} %`,
      compute ? 'compute' : 'memory',
      alone && row.threads > 1 ? `${(alone.seconds / row.seconds).toFixed(2)}×` : '',
    ]
  })
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)))
  const line = (row: string[]) =>
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [line(header), ...cells.map(line), '']
}

function runtimeLines({ load, run, eventLoop: loop }: RuntimeCost): string[] {
  const verdict = loop.timerWait <= longestWait ? 'ok' : `TOO LONG, the limit is ${time(longestWait)}`
  return [
    `load the addon and open the CPU device  ${time(load.seconds)} (${load.runs} processes, spread ${Math.round(100 * load.spread)} %)`,
    `main-thread time of one plan.run()      ${time(run.seconds)}`,
    `event loop while a plan runs for ${loop.seconds.toFixed(1)} s  delay 99.9th percentile ${time(loop.delay999)}, max ${time(loop.delayMax)}`,
    `a 10 ms timer waited at most            ${time(loop.timerWait)} (${loop.ticks} ticks): ${verdict}`,
  ]
}

const threadsOf = (threads: number) => `${threads} thread${threads === 1 ? '' : 's'}`
const giga = (perSecond: number) => (perSecond / 1e9).toFixed(perSecond < 1e10 ? 2 : 1)

function time(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`
  return seconds >= 1e-3 ? `${(seconds * 1e3).toFixed(2)} ms` : `${(seconds * 1e6).toFixed(1)} µs`
}
