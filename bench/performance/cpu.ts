import { opFigures, speedUp, stepFigures } from '../figures.js'
import { mebi, percent as smallPercent, speedText, threadsText, time } from '../format.js'
import {
  ceilingOf,
  fullName,
  timingOf,
  type AroundRow,
  type OpRow,
  type Report,
  type Row,
  type StepRow,
} from '../report.js'
import { digits, left, markdownTable, percent, right } from './markdown.js'

/** One report of `npm run bench`, as a section. */
export function cpuSection(report: Report): string {
  const { machine: m, level, date, patchtrain, rows } = report
  const ofGroup = <T extends Row>(group: T['group']) => rows.filter((row): row is T => row.group === group)
  const parts = [
    part('Whole training steps', stepsNote, stepTable(report, ofGroup<StepRow>('step'))),
    part('Around the step', '', aroundTable(ofGroup<AroundRow>('around'))),
    part('Ops alone', opsNote, opTable(report, ofGroup<OpRow>('ops'))),
  ]
  return [
    `### ${m.cpu}, ${m.cores} cores, ${level}`,
    `${date.slice(0, 10)} · patchtrain ${patchtrain} · Node ${m.node} · ${m.system} · \`${report.command}\``,
    `Other processes had ${percent(Math.max(...report.others))} of the machine at most. Ceilings of the same run:`,
    ceilingTable(report),
    ...parts.filter((text) => text !== ''),
    ...report.skipped.map(({ name, reason }) => `Not measured: ${name}: ${reason}.`),
  ].join('\n\n')
}

const stepsNote =
  'Forward, backward, clipping and AdamW on random tokens. FLOPs are those of the model, attention counted by half; shares are of the ' +
  'time of a step. Memory is what the process has at its peak beyond Node.js with the addon loaded; beside it, its share of what ' +
  '`patchtrain plan` predicts.'
const opsNote =
  'Milliseconds are medians; the speed is GFLOP/s or GB/s, whichever ceiling counts. More than 100 % of a copy: operands that stay in a cache.'

function part(title: string, note: string, tableText: string): string {
  if (tableText === '') return ''
  return [`#### ${title}`, ...(note === '' ? [] : [note]), tableText].join('\n\n')
}

function ceilingTable(report: Report): string {
  return markdownTable(
    [left('threads'), right('multiply-add, GFLOP/s'), right('copy, GB/s'), right('a large product, GFLOP/s')],
    report.ceilings.map(({ threads }) => {
      const { flopsPerSecond, bytesPerSecond, gemmFlopsPerSecond } = ceilingOf(report, threads)!
      const product = `${digits(gemmFlopsPerSecond / 1e9)} (${percent(gemmFlopsPerSecond / flopsPerSecond)})`
      return [String(threads), digits(flopsPerSecond / 1e9), digits(bytesPerSecond / 1e9), product]
    }),
  )
}

const shown = (value: number | undefined, say: (value: number) => string) =>
  value === undefined ? 'unmeasured' : say(value)

function stepTable(report: Report, rows: readonly StepRow[]): string {
  if (rows.length === 0) return ''
  const titles = [
    'threads',
    'ms',
    'spread',
    'tokens/s',
    'GFLOP/s',
    'of peak',
    'products',
    'attention',
    'loss',
  ]
  const rest = ['other ops', 'JavaScript', 'memory', 'of plan', 'against 1 thread']
  return markdownTable(
    [left('model'), ...[...titles, ...rest].map(right)],
    rows.map((row) => {
      const { seconds, spread } = timingOf(row)
      const figures = stepFigures(report, row)
      const { gemm, attention, crossEntropy, otherOps } = row.shares
      return [
        ...[row.name, String(row.threads), digits(1000 * seconds), smallPercent(spread)],
        ...[figures.tokensPerSecond.toFixed(0), digits(figures.flopsPerSecond / 1e9)],
        shown(figures.ofPeak, percent),
        ...[gemm, attention, crossEntropy, otherOps].map(smallPercent),
        ...[time(figures.javascript), shown(figures.memory, mebi), shown(figures.ofPlan, percent)],
        timesText(speedUp(report, row)),
      ]
    }),
  )
}

function aroundTable(rows: readonly AroundRow[]): string {
  if (rows.length === 0) return ''
  return markdownTable(
    [
      left('what'),
      left('of'),
      right('threads'),
      right('median'),
      right('spread'),
      right('speed'),
      left('note'),
    ],
    rows.map((row) => {
      const { seconds, spread, runs } = timingOf(row)
      const speed = row.amount ? speedText(row.amount.count, row.amount.unit, seconds) : ''
      const cells = [row.name, row.sizes, String(row.threads ?? '–'), time(seconds)]
      return [...cells, runs < 3 ? '–' : smallPercent(spread), speed, row.note ?? '']
    }),
  )
}

/** A line for each op and size, with all thread counts beside one another. */
function opTable(report: Report, rows: readonly OpRow[]): string {
  if (rows.length === 0) return ''
  const counts = [...new Set(rows.map(({ threads }) => threads))]
  const columns = [left('op'), left('sizes')]
  for (const threads of counts)
    columns.push(right(`ms, ${threadsText(threads)}`), right('speed'), right('of ceiling'))
  const lines = [...new Map(rows.map((row) => [fullName(row), row])).values()]
  return markdownTable(
    columns,
    lines.map(({ name, sizes }) => [
      ...[name, sizes],
      ...counts.flatMap((threads) => {
        const row = rows.find((r) => r.name === name && r.sizes === sizes && r.threads === threads)
        return row ? opCells(report, row) : ['', '', '']
      }),
    ]),
  )
}

function opCells(report: Report, row: OpRow): string[] {
  const figures = opFigures(report, row)
  const milliseconds = digits(1000 * timingOf(row).seconds)
  if (!figures) return [milliseconds, 'unmeasured', 'unmeasured']
  const { bound, speed, ofCeiling } = figures
  return [
    milliseconds,
    `${digits(speed / 1e9)} ${bound === 'compute' ? 'GFLOP/s' : 'GB/s'}`,
    percent(ofCeiling),
  ]
}

const timesText = (factor: number | undefined) => (factor === undefined ? '' : `${factor.toFixed(2)}×`)
