import { table, type Column } from '../lib/report/table.js'
import { opFigures, speedUp, stepFigures } from './figures.js'
import { mostOfOthers } from './others.js'
import { giga, mebi, percent, speedText, threadsText, time } from './format.js'
import {
  ceilingOf,
  timingOf,
  type AroundRow,
  type OpRow,
  type Report,
  type Row,
  type StepRow,
} from './report.js'

/** A report for people: machine, ceilings, a table for each group, and what was left out. */
export function reportTable(report: Report): string {
  const { machine: m, rows, skipped } = report
  const ofGroup = <T extends Row>(group: T['group']) => rows.filter((row): row is T => row.group === group)
  const [steps, ops, around] = [ofGroup<StepRow>('step'), ofGroup<OpRow>('ops'), ofGroup<AroundRow>('around')]
  return [
    [
      `${m.cpu}, ${m.cores} cores, ${othersText(report)} · ${m.system} · node ${m.node}`,
      `patchtrain ${report.patchtrain} (${report.level}) · ${report.date} · ${report.command}`,
      ...report.ceilings.map(({ threads }) => ceilingLine(report, threads)),
    ],
    steps.length > 0 && ['training steps', stepTable(report, steps)],
    ops.length > 0 && ['ops alone', opTable(report, ops)],
    around.length > 0 && ['around the step', aroundTable(around)],
    skipped.length > 0 && skipped.map(({ name, reason }) => `skipped: ${name}: ${reason}`),
  ]
    .filter((section): section is string[] => section !== false)
    .map((section) => section.join('\n'))
    .join('\n\n')
}

function othersText({ others }: Report): string {
  const most = Math.max(...others)
  return `other processes had up to ${percent(most)} of it${most > mostOfOthers ? ' (TOO MUCH)' : ''}`
}

function ceilingLine(report: Report, threads: number): string {
  const { flopsPerSecond, bytesPerSecond, gemmFlopsPerSecond } = ceilingOf(report, threads)!
  return (
    `ceilings, ${threadsText(threads)}: ${giga(flopsPerSecond)} GFLOP/s multiply-add, ${giga(bytesPerSecond)} GB/s copy; ` +
    `a large product reaches ${giga(gemmFlopsPerSecond)} GFLOP/s (${percent(gemmFlopsPerSecond / flopsPerSecond)})`
  )
}

const none = '–'
const shown = (value: number | undefined, say: (value: number) => string) =>
  value === undefined ? none : say(value)
const times = (value: number | undefined) => (value === undefined ? '' : `${value.toFixed(2)}×`)

const left = (title: string): Column => ({ title })
const right = (title: string): Column => ({ title, right: true })
const timing = [right('threads'), right('median'), right('best'), right('spread'), right('runs')]

function timingCells(row: Row): string[] {
  const { seconds, best, spread, runs } = timingOf(row)
  return [
    String(row.threads ?? none),
    time(seconds),
    time(best),
    runs < 3 ? none : percent(spread),
    String(runs),
  ]
}

function opTable(report: Report, rows: readonly OpRow[]): string {
  const columns = [left('op'), left('sizes'), ...timing]
  columns.push(right('speed'), right('of ceiling'), left('bound'), right('of product'), right('speed-up'))
  return table(
    columns,
    rows.map((row) => {
      const figures = opFigures(report, row)
      return [
        ...[row.name, row.sizes, ...timingCells(row)],
        figures ? `${giga(figures.speed)} ${figures.bound === 'compute' ? 'GFLOP/s' : 'GB/s'}` : none,
        shown(figures?.ofCeiling, percent),
        figures?.bound ?? none,
        figures?.ofGemm === undefined ? '' : percent(figures.ofGemm),
        times(speedUp(report, row)),
      ]
    }),
  )
}

function stepTable(report: Report, rows: readonly StepRow[]): string {
  const columns = [left('model'), ...timing]
  for (const title of ['tokens/s', 'GFLOP/s', 'of peak', 'products', 'attention', 'loss', 'other ops'])
    columns.push(right(title))
  for (const title of ['JavaScript', 'memory', 'of plan', 'speed-up']) columns.push(right(title))
  return table(
    columns,
    rows.map((row) => {
      const figures = stepFigures(report, row)
      const { gemm, attention, crossEntropy, otherOps } = row.shares
      return [
        row.name,
        ...timingCells(row),
        ...[figures.tokensPerSecond.toFixed(0), giga(figures.flopsPerSecond), shown(figures.ofPeak, percent)],
        ...[gemm, attention, crossEntropy, otherOps].map(percent),
        ...[time(figures.javascript), shown(figures.memory, mebi), shown(figures.ofPlan, percent)],
        times(speedUp(report, row)),
      ]
    }),
  )
}

function aroundTable(rows: readonly AroundRow[]): string {
  return table(
    [left('what'), left(''), ...timing, right('speed'), left('')],
    rows.map((row) => [
      ...[row.name, row.sizes, ...timingCells(row)],
      row.amount ? speedText(row.amount.count, row.amount.unit, timingOf(row).seconds) : '',
      row.note ?? '',
    ]),
  )
}
