// npm run bench:peers: `--help` says how.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { loadAddon } from '../../../lib/native/load.js'
import { createStatusLine } from '../../../lib/report/status-line.js'
import { terminalOf } from '../../../lib/report/terminal.js'
import { threadsText } from '../../format.js'
import { commandText, help, parseCommandLine, type CommandLine } from './command-line.js'
import { measureRow } from './measure.js'
import { findPython } from './python.js'
import { complaints, headOf, peersFormat, reportText, type MeasuredRow, type PeersReport } from './report.js'
import { peersTable } from './table.js'
import { torchSettings } from './torch-settings.js'

const args = process.argv.slice(2)
try {
  process.exitCode = await main(parseCommandLine(args))
} catch (error) {
  console.error(`bench:peers: ${(error as Error).message}`)
  process.exitCode = 1
}

async function main(wanted: CommandLine): Promise<number> {
  const { json } = wanted
  if (wanted.help) {
    console.log(help)
    return 0
  }
  if (json !== undefined && !existsSync(dirname(json)))
    throw new Error(`--json ${json}: there is no folder ${dirname(json)}`)
  const report = await measure(wanted)
  if (json !== undefined && json !== '-') writeFileSync(json, reportText(report))
  console.log(json === '-' ? reportText(report).trimEnd() : peersTable(report))
  const wrong = complaints(report.rows)
  for (const complaint of wrong) console.error(`FAILED: ${complaint}`)
  return wrong.length > 0 ? 1 : 0
}

async function measure({
  python: named,
  nodePackages,
  threads,
  rounds,
  rows,
}: CommandLine): Promise<PeersReport> {
  const head = headOf(commandText('bench:peers', args))
  const python = findPython(named)
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-peers-'))
  const settings = torchSettings(folder)
  const status = createStatusLine(terminalOf(process.stderr, process.env), { plainSeconds: 30 })
  const measured: MeasuredRow[] = []
  try {
    for (const row of rows)
      for (const count of threads ?? new Set([1, loadAddon().addon.allowedThreads()])) {
        const title = `${row.name}, ${threadsText(count)}`
        const show = (what: string) => status.show(`${title}: ${what}`)
        const course = { rounds, python, settings, nodePackages, folder }
        measured.push(await measureRow(row, count, course, show))
      }
  } finally {
    status.close()
    rmSync(folder, { recursive: true, force: true })
  }
  const torch = { version: python.torch, python: python.python, settings: settings.notes }
  return { format: peersFormat, ...head, torch, rows: measured }
}
