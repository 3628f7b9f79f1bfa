import { shareOfCeiling, type Report, type Row } from '../report.js'
import { digits, left, markdownTable, percent, right } from './markdown.js'

/** One report of `npm run bench`, as a section. */
export function cpuSection(file: string, report: Report): string {
  const { machine: m, level, date, patchtrain } = report
  const ceilings = report.ceilings.map(
    ({ threads, flopsPerSecond, bytesPerSecond }) =>
      `${threads} thread${threads === 1 ? '' : 's'} ${digits(flopsPerSecond / 1e9)} GFLOP/s and ${digits(bytesPerSecond / 1e9)} GB/s`,
  )
  return [
    `### ${m.cpu}, ${m.cores} cores, ${level}`,
    '',
    `${date.slice(0, 10)} · patchtrain ${patchtrain} · Node ${m.node} · ${m.system} · \`npm run bench -- --json bench/results/${file}\``,
    '',
    `Ceilings of the same run, fp32 multiply-adds and copying: ${ceilings.join('; ')}.`,
    '',
    opTable(report),
    ...runtimeLines(report),
  ].join('\n')
}

function opTable(report: Report): string {
  const counts = report.ceilings.map(({ threads }) => threads)
  const columns = [left('op'), left('sizes')]
  for (const threads of counts)
    columns.push(right(`ms, ${threads} thr.`), right('speed'), right('of ceiling'))
  const keys = [...new Map(report.rows.map((row) => [`${row.op} ${row.shape}`, row])).values()]
  const cells = keys.map(({ op, shape }) => [
    op,
    shape,
    ...counts.flatMap((threads) => {
      const row = report.rows.find((r) => r.op === op && r.shape === shape && r.threads === threads)
      return row ? figures(row, report) : ['', '', '']
    }),
  ])
  return markdownTable(columns, cells)
}

function figures(row: Row, { ceilings }: Report): string[] {
  const ceiling = ceilings.find(({ threads }) => threads === row.threads)!
  const compute = row.flops / ceiling.flopsPerSecond > row.bytes / ceiling.bytesPerSecond
  const speed = compute
    ? `${digits(row.flops / row.seconds / 1e9)} GFLOP/s`
    : `${digits(row.bytes / row.seconds / 1e9)} GB/s`
  return [digits(row.seconds * 1000), speed, percent(shareOfCeiling(row, ceiling))]
}

function runtimeLines({ runtime }: Report): string[] {
  if (!runtime) return []
  const { load, run, eventLoop } = runtime
  return [
    '',
    `Loading the addon and opening the device: ${digits(load.seconds * 1000)} ms. Main-thread time of one \`plan.run()\`: ` +
      `${digits(run.seconds * 1e6)} µs. A 10 ms timer waited at most ${digits(eventLoop.timerWait * 1000)} ms while a plan ran.`,
  ]
}
