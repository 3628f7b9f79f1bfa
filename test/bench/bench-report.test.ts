// `npm run bench`: what it is told, which rows it chooses, and what it says of them.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { chosen } from '../../bench/choose.js'
import { commandText, parseCommandLine } from '../../bench/command-line.js'
import { cpuSection } from '../../bench/performance/cpu.js'
import { requireJsonFile } from '../../bench/json-file.js'
import { readReport, reportText, type AroundRow } from '../../bench/report.js'
import { sharesOf } from '../../bench/step/shares.js'
import { reportTable } from '../../bench/table.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { opRow, report, stepRow } from './synthetic-report.js'

const copy = opRow({ name: 'copy', sizes: 'n 1000', follows: 'memory', flops: 0, bytes: 2e8 })
const twice = opRow({ threads: 2, rounds: [[0.01, 0.01, 0.01]] })
const around: AroundRow = {
  ...{ group: 'around', name: 'loader', sizes: 'B8 S1024', threads: null, follows: 'compute' },
  amount: { count: 8e6, unit: 'tokens' },
  note: 'from the page cache',
  rounds: [[0.1], [0.1], [0.1]],
}
const whole = report([opRow(), twice, copy, stepRow, around], undefined, {
  skipped: [{ name: 'around decode zstd', reason: 'no file' }],
})

const lineOf = (text: string, start: RegExp) => text.split('\n').find((line) => start.test(line))!
const cellsOf = (line: string) => line.split(/ {2,}/)

describe('the table', () => {
  const text = reportTable(whole)

  it('holds an op against the ceiling that bounds it', () => {
    expect(cellsOf(lineOf(text, /^gemm .* 1 {2}/))).toEqual([
      ...['gemm', 'head y 512×512×256', '1', '20.00 ms', '20.00 ms', '5.0 %', '4'],
      ...['50.0 GFLOP/s', '50 %', 'compute', '63 %'],
    ])
    // 0.2 GB in 20 ms are 10 GB/s of 20.
    expect(cellsOf(lineOf(text, /^copy/)).slice(7)).toEqual(['10.0 GB/s', '50 %', 'memory'])
    expect(lineOf(text, /^gemm .* 2 {2}/)).toMatch(/2\.00×$/)
  })

  it('takes a step apart', () => {
    expect(cellsOf(lineOf(text, /^C256/)).slice(2)).toEqual([
      ...['500.00 ms', '500.00 ms', '20 %', '3', '2000', '40.0', '40 %'],
      ...['80 %', '10 %', '2.0 %', '5.0 %', '1.00 ms', '250 MiB', '125 %'],
    ])
  })

  it('says what lies around the step, the machine, the command, and what was left out', () => {
    expect(lineOf(text, /^loader/)).toMatch(
      /100\.00 ms.* 0\.0 % {2,}3 {2}80\.0 M tokens\/s {2}from the page cache$/,
    )
    expect(text).toContain('Some CPU, 2 cores, other processes had up to 1.0 % of it ·')
    expect(text).toContain('npm run bench -- gemm')
    expect(text).toContain(
      '100.0 GFLOP/s multiply-add, 20.0 GB/s copy; a large product reaches 80.0 GFLOP/s (80 %)',
    )
    expect(text).toContain('skipped: around decode zstd: no file')
  })

  it('shows no column of a step that was not measured', () => {
    const { memory: _, ...unmeasured } = stepRow
    expect(cellsOf(lineOf(reportTable(report([unmeasured])), /^C256/)).slice(-2)).toEqual(['–', '–'])
  })
})

it('the shares of a step are those of its wall time', () => {
  const nanoseconds = {
    gemm: 6e8,
    attention: 1e8,
    attention_backward: 1e8,
    cross_entropy: 0.5e8,
    adamw: 0.5e8,
  }
  const shares = sharesOf([{ seconds: [0.5, 0.5], nanoseconds }])
  expect(shares.gemm).toBeCloseTo(0.6)
  expect(shares.attention).toBeCloseTo(0.2)
  expect(shares.crossEntropy).toBeCloseTo(0.05)
  expect(shares.otherOps).toBeCloseTo(0.05)
})

describe('a report file', () => {
  it('is read as it was written, a line a row', () => {
    const path = join(temporaryFolder(), 'report.json')
    writeFileSync(path, reportText(whole))
    expect(readReport(path)).toEqual(whole)
    expect(reportText(whole)).toMatch(/^ {4}\{"group":"step".*\},$/m)
  })

  it.each([
    ['{', /cannot be read as a report/],
    ['{"rows": []}', /format is 'none'/],
    ['null', /format is 'none'/],
  ])('is refused when it holds %s', (text, message) => {
    const path = join(temporaryFolder(), 'report.json')
    writeFileSync(path, text)
    expect(() => readReport(path)).toThrow(message)
  })

  it.each([
    ['no ceilings', { ceilings: [] }, /damaged report: ceilings/],
    ['no rows', { rows: undefined }, /damaged report: rows/],
    [
      'a row without samples',
      { rows: [{ ...whole.rows[0], rounds: [[]] }] },
      /damaged report: rows\.0\.rounds\.0/,
    ],
    [
      'a time of zero',
      { rows: [{ ...whole.rows[0], rounds: [[0]] }] },
      /damaged report: rows\.0\.rounds\.0\.0/,
    ],
    ['text for a time', { rows: [{ ...whole.rows[0], rounds: [['1']] }] }, /damaged report: rows/],
    ['a negative share', { others: [-1] }, /damaged report: others\.0/],
  ])('is refused when it has %s', (_, damage, message) => {
    const path = join(temporaryFolder(), 'report.json')
    writeFileSync(path, JSON.stringify({ ...whole, ...damage }))
    expect(() => readReport(path)).toThrow(message)
  })

  it('cannot be a folder, which is better known before the measuring', () => {
    const folder = temporaryFolder()
    expect(() => requireJsonFile(folder)).toThrow(/is a folder/)
    expect(() => requireJsonFile(join(folder, 'no', 'report.json'))).toThrow(/there is no folder/)
    for (const fine of [undefined, '-', join(folder, 'report.json')]) requireJsonFile(fine)
  })
})

describe('words', () => {
  const names = (...words: string[]) => chosen(whole.rows, words).map(({ name }) => name)

  it('choose rows by group, name and sizes', () => {
    expect(names()).toHaveLength(5)
    expect(names('OPS')).toEqual(['gemm', 'gemm', 'copy'])
    expect(names('step', 'loader')).toEqual(['C256 V512', 'loader'])
    expect(names('c256')).toEqual(['C256 V512'])
    expect(names('512×512')).toEqual(['gemm', 'gemm'])
  })

  it('that choose nothing are named, with what there is', () => {
    expect(() => names('gemm', 'gem m')).toThrow(
      /no row contains 'gem m'.*\n {2}ops: gemm, copy\n {2}step: C256 V512/,
    )
  })
})

describe('the command line', () => {
  it('has defaults', () => {
    expect(parseCommandLine([])).toMatchObject({ words: [], threads: undefined, rounds: 5, device: 'cpu' })
    expect(parseCommandLine(['--quick']).rounds).toBe(1)
    expect(parseCommandLine(['gemm', '--threads', '1,2', '--rounds', '7'])).toMatchObject({
      words: ['gemm'],
      threads: [1, 2],
      rounds: 7,
    })
  })

  it.each([
    [['--threads', '0'], "not '0'"],
    [['--threads', '1,,2'], "not ''"],
    [['--rounds', '2.5'], "not '2.5'"],
    [['--tables'], "Unknown option '--tables'"],
    [['--with', 'new.json'], '--compare OLD.json, which is missing'],
    [['--fail-on-slower'], 'needs something to compare with'],
    [['--device', 'cuda', '--compare', 'old.json'], 'reports of the CPU only'],
  ])('refuses %s', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(message)
  })

  it('is written down without paths of this machine', () => {
    expect(commandText([])).toBe('npm run bench')
    expect(commandText(['C256 V512', '--tokenizer', '/somewhere/llama2/tokenizer.model'])).toBe(
      "npm run bench -- 'C256 V512' --tokenizer …/llama2/tokenizer.model",
    )
  })
})

it('docs/performance.md has a section for a report, with the command and nothing made up', () => {
  const section = cpuSection(whole)
  expect(section).toContain(
    '2026-12-01 · patchtrain 0.0.0 · Node v20.0.0 · linux 6 x64 · `npm run bench -- gemm`',
  )
  expect(section).toContain(
    '| gemm | head y 512×512×256 | 20.0 | 50.0 GFLOP/s | 50 % | 10.0 | 100 GFLOP/s | 100 % |',
  )
  expect(section).toContain('| copy | n 1000 | 20.0 | 10.0 GB/s | 50 % |  |  |  |')
  expect(section).toContain('Not measured: around decode zstd: no file.')
  expect(section).not.toMatch(/NaN|undefined|Infinity/)
  const { memory: _, ...unmeasured } = stepRow
  expect(cpuSection(report([unmeasured]))).toContain('| unmeasured | unmeasured |')
})
