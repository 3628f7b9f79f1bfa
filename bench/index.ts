// npm run bench: `--help` says how.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cudaOptions, probeCuda } from '../lib/native/choose-device.js'
import { Device } from '../lib/native/device.js'
import { loadAddon, packageRoot } from '../lib/native/load.js'
import { createStatusLine } from '../lib/report/status-line.js'
import { terminalOf } from '../lib/report/terminal.js'
import { commandText, help, parseCommandLine, type CommandLine } from './command-line.js'
import { compareReports, requireSameMachine } from './compare/compare.js'
import { comparisonText } from './compare/text.js'
import { benchmarkCuda } from './cuda/index.js'
import { requireJsonFile } from './json-file.js'
import { machine, readReport, reportFormat, reportText, type Report } from './report.js'
import { measureRounds } from './rounds.js'
import { reportTable } from './table.js'

const args = process.argv.slice(2)
try {
  process.exitCode = await main(parseCommandLine(args))
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exitCode = 1
}

async function main(wanted: CommandLine): Promise<number> {
  if (wanted.help) {
    console.log(help)
    return 0
  }
  requireJsonFile(wanted.json)
  if (wanted.device !== 'cpu') return cuda(wanted)
  const before = wanted.compare === undefined ? undefined : readReport(wanted.compare)
  if (before && wanted.with !== undefined) return compare(before, readReport(wanted.with), wanted)
  if (before) requireSameMachine(before, { machine: machine(), level: cpuLevel() })

  const { report, failed } = await measure(wanted)
  console.log(wanted.json === '-' ? reportText(report).trimEnd() : `${reportTable(report)}\n${cudaLine()}`)
  if (wanted.json !== undefined && wanted.json !== '-') writeFileSync(wanted.json, reportText(report))
  const slower = before ? compare(before, report, wanted) : 0
  return failed ? 1 : slower
}

async function measure(wanted: CommandLine): Promise<{ report: Report; failed: boolean }> {
  const all = loadAddon().addon.allowedThreads()
  const threadCounts = [...new Set(wanted.threads ?? (wanted.quick ? [all] : [1, all]))]
  const status = createStatusLine(terminalOf(process.stderr, process.env), { plainSeconds: 30 })
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string
  }
  const head = {
    format: reportFormat,
    command: commandText(args),
    patchtrain: version,
    date: new Date().toISOString(),
    machine: machine(),
  } as const
  const { failed, level, ...measured } = await measureRounds({ ...wanted, threadCounts }, status)
  return { report: { ...head, level, ...measured }, failed }
}

function compare(before: Report, after: Report, { failOnSlower, json }: CommandLine): number {
  const comparison = compareReports(before, after)
  const print = json === '-' ? console.error : console.log // stdout is the report's then
  print(`\n${comparisonText(comparison)}`)
  return failOnSlower && comparison.rows.some(({ verdict }) => verdict === 'slower') ? 1 : 0
}

function cpuLevel(): string {
  using device = Device.create({ device: 'cpu', threads: 1 })
  return device.level
}

/** Why there are no CUDA rows, or how to have them. */
function cudaLine(): string {
  const { addon, path } = loadAddon()
  const { problem, devices } = probeCuda(addon, cudaOptions(dirname(path), 'cuda', ''))
  if (problem !== '') return `CUDA rows skipped: ${problem}`
  const names = devices.map(({ name }) => name).join(', ')
  return `CUDA rows (${names}): npm run bench -- --device cuda; everything about the GPU: npm run gpu-check`
}

async function cuda({ device, words, json }: CommandLine): Promise<number> {
  const wanted = (name: string) => words.length === 0 || words.some((word) => name.includes(word))
  const lines = await benchmarkCuda(device, wanted)
  if (lines === undefined) return 1
  if (json !== undefined) writeFileSync(json, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return lines.some(({ error }) => error !== undefined) ? 1 : 0
}
