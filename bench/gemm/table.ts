import { giga, percent, threadsText } from '../format.js'
import { disturbance, levelOf } from '../peers/cpu/report.js'
import type { GemmReport } from './report.js'
import { libraryNotes, meanRatio, summariseProduct } from './summary.js'

/** For a terminal: GFLOP/s of each. */
export function gemmTable(report: GemmReport): string {
  const { machine, rows, peaks } = report
  const names = [...new Set(rows.flatMap(({ contenders }) => contenders.map(({ name }) => name)))]
  const products = rows.map((row) => summariseProduct(row, peaks))
  const header = ['product', 'threads', ...names, 'of peak', 'ours / best']
  const cells = products.map(({ name, threads, speeds, shareOfPeak, ratio }) => [
    name,
    String(threads),
    ...names.map((other) => (speeds.has(other) ? giga(speeds.get(other)!) : '–')),
    shareOfPeak === undefined ? '–' : percent(shareOfPeak),
    ratio ? `${ratio.median.toFixed(2)}×` : '–',
  ])
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)))
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  return [
    `${machine.cpu}, ${machine.cores} cores · patchtrain ${report.patchtrain} (${levelOf(rows) ?? 'no level'}) · node ${machine.node}`,
    ...libraryNotes(rows),
    ...peaks.map(
      (one) => `peak, ${threadsText(one.threads)}: ${giga(one.flopsPerSecond)} GFLOP/s fp32 multiply-add`,
    ),
    disturbance(rows),
    '',
    'GFLOP/s by the median turn',
    line(header),
    ...cells.map(line),
    ...peaks.flatMap(({ threads }) => {
      const mean = meanRatio(products.filter((product) => product.threads === threads))
      return mean === undefined
        ? []
        : [`${threadsText(threads)}: ours / best, geometric mean ${mean.toFixed(2)}×`]
    }),
  ].join('\n')
}
