// The sections of docs/performance.md about comparisons on the CPU: `npm run bench:peers` and `npm run bench:gemm`.
import { libraryNotes, meanRatio, summariseProduct } from '../gemm/summary.js'
import { gemmFormat, type GemmReport } from '../gemm/report.js'
import { threadsText } from '../format.js'
import {
  disturbance,
  levelOf,
  peersFormat,
  type Head,
  type MeasuredRow,
  type PeersReport,
} from '../peers/cpu/report.js'
import { compare, type Comparison, type Quartiles } from '../peers/cpu/summary.js'
import { digits, left, markdownTable, percent, right, type Column } from './markdown.js'

/**
 * One report of `npm run bench:peers`.
 * @param file its name in bench/results
 * @throws {Error} when it is no such report
 */
export function peersSection(file: string, report: unknown): string {
  const known = requireFormat<PeersReport>(file, report, peersFormat)
  const steps = known.rows.filter(({ tokens }) => tokens !== undefined)
  const operations = known.rows.filter(({ tokens }) => tokens === undefined)
  return [
    ...heading(file, known, 'against PyTorch'),
    '',
    `PyTorch ${known.torch.version}, Python ${known.torch.python}, torch.compile in mode max-autotune-no-cudagraphs. Settings that make it faster:`,
    `${known.torch.settings.join('; ')}; "as it comes" is without them. All programs start from the same weights, take turns`,
    'and are compared turn by turn: a ratio above 1 means that ours is faster, with its quartiles in brackets.',
    ...(known.held ? [`Held to older instructions: ${known.held}.`] : []),
    '',
    ...(steps.length > 0
      ? [
          'Whole training steps, fp32: forward, backward, clipping, AdamW. Memory is the most that the process held, itself included.',
          '`off by` is the largest relative difference of any loss to ours.',
          '',
          table(steps, stepColumns, stepCells),
          '',
        ]
      : []),
    ...(operations.length > 0
      ? [
          'Single operations; `off by` is about the norm of what they compute.',
          '',
          table(operations, operationColumns, operationCells),
          '',
        ]
      : []),
  ]
    .join('\n')
    .trimEnd()
}

const ratioColumns: Column[] = [right('ours is … times as fast'), right('off by')]
const stepColumns = [right('tokens/s'), right('best'), right('memory, MiB'), ...ratioColumns]
const operationColumns = [right('ms'), right('best'), ...ratioColumns]

function table(
  rows: readonly MeasuredRow[],
  columns: readonly Column[],
  cells: (one: Comparison, row: MeasuredRow, index: number) => string[],
): string {
  return markdownTable(
    [left('row'), right('threads'), left('program'), ...columns],
    rows.flatMap((row) =>
      compare(row.contenders).map((one, i) => [
        i === 0 ? row.name : '',
        i === 0 ? String(row.threads) : '',
        one.name,
        ...(one.seconds ? cells(one, row, i) : columns.map((_, c) => (c === 0 ? (one.failure ?? '') : ''))),
      ]),
    ),
  )
}

function stepCells(one: Comparison, { tokens, contenders }: MeasuredRow, index: number): string[] {
  const { memory } = contenders[index]!
  const { median, best } = one.seconds!
  const speed = (seconds: number) => groups(tokens! / seconds)
  return [speed(median), speed(best), memory ? groups(memory.peakBytes / 2 ** 20) : '', ...ratioCells(one)]
}

const operationCells = (one: Comparison) => [
  digits(one.seconds!.median * 1000),
  digits(one.seconds!.best * 1000),
  ...ratioCells(one),
]

function ratioCells({ ratio, difference, failure }: Comparison): string[] {
  if (failure !== undefined) return [failure, '']
  return ratio ? [ratioText(ratio), difference!.toExponential(0)] : ['', '']
}

/**
 * One report of `npm run bench:gemm`.
 * @param file its name in bench/results
 * @throws {Error} when it is no such report
 */
export function gemmSection(file: string, report: unknown): string {
  const known = requireFormat<GemmReport>(file, report, gemmFormat)
  const { rows, peaks } = known
  const names = [...new Set(rows.flatMap(({ contenders }) => contenders.map(({ name }) => name)))]
  const products = rows.map((row) => summariseProduct(row, peaks))
  const speed = (flopsPerSecond: number | undefined) =>
    flopsPerSecond === undefined ? '' : digits(flopsPerSecond / 1e9)
  const summaries = peaks.map(({ threads, flopsPerSecond }) => {
    const mean = meanRatio(products.filter((product) => product.threads === threads))
    const against =
      mean === undefined ? '' : `, ours over the fastest library ${mean.toFixed(2)}× in the geometric mean`
    return `${threadsText(threads)}: peak ${digits(flopsPerSecond / 1e9)} GFLOP/s${against}`
  })
  return [
    ...heading(file, known, 'matrix products against the libraries of the system'),
    '',
    `${libraryNotes(rows).join('; ')}.`,
    '',
    'GFLOP/s by the median turn, fp32; the peak is a loop of multiply-adds on registers in the same run. The last column compares with the',
    `fastest library turn by turn. ${summaries.join('; ')}.`,
    '',
    markdownTable(
      [
        left('product m×n×k'),
        right('threads'),
        ...names.map(right),
        right('ours, of peak'),
        left('fastest library'),
        right('ours is … times as fast'),
      ],
      products.map(({ name, threads, speeds, shareOfPeak, best, ratio }) => [
        name,
        String(threads),
        ...names.map((other) => speed(speeds.get(other))),
        shareOfPeak === undefined ? '' : percent(shareOfPeak),
        best ?? '',
        ratio ? ratioText(ratio) : '',
      ]),
    ),
  ].join('\n')
}

function heading(
  file: string,
  { machine, date, patchtrain, command, rows }: Head & { rows: readonly MeasuredRow[] },
  what: string,
): string[] {
  return [
    `### ${machine.cpu}, ${machine.cores} cores, ${levelOf(rows) ?? 'unknown level'}: ${what}`,
    '',
    `${date.slice(0, 10)} · patchtrain ${patchtrain} · Node ${machine.node} · ${machine.system} · ${disturbance(rows)} · ` +
      `\`${command}\` · bench/results/${file}`,
  ]
}

function requireFormat<T extends { format: string }>(file: string, report: unknown, format: T['format']): T {
  const found = (report as Partial<T> | null)?.format
  if (found !== format)
    throw new Error(`${file}: its format is '${String(found)}' instead of '${format}'. Measure again.`)
  return report as T
}

/** A ratio whose quartiles are far apart on both sides of 1 says nothing. */
const ratioText = ({ low, median, high }: Quartiles) =>
  `${median.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})` +
  (low < 1 && high > 1 && high / low > 1.1 ? ', undecided' : '')

/** 12,345 */
const groups = (x: number) => Math.round(x).toLocaleString('en-US')
