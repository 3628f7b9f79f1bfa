// npm run bench:peers: `--help` says how.
import { loadAddon } from '../../../lib/native/load.js'
import { createStatusLine } from '../../../lib/report/status-line.js'
import { terminalOf } from '../../../lib/report/terminal.js'
import { threadsText } from '../../format.js'
import { commandText, help, parseCommandLine, type CommandLine } from './command-line.js'
import { runCommand, temporaryFolder } from './command.js'
import { holdTo } from './instructions.js'
import { measureRow } from './measure.js'
import { findPython } from './python.js'
import { headOf, peersFormat, type MeasuredRow, type PeersReport } from './report.js'
import { peersTable } from './table.js'
import { torchSettings } from './torch-settings.js'

await runCommand({ name: 'bench:peers', help, parse: parseCommandLine, measure, table: peersTable })

async function measure({
  python: named,
  nodePackages,
  threads,
  rounds,
  instructions,
  rows,
}: CommandLine): Promise<PeersReport> {
  const head = headOf(commandText('bench:peers', process.argv.slice(2)))
  const python = findPython(named)
  const folder = temporaryFolder('peers')
  const settings = torchSettings(folder)
  const held = instructions && holdTo(instructions)
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
  }
  const torch = { version: python.torch, python: python.python, settings: settings.notes }
  return { format: peersFormat, ...head, ...(held && { held }), torch, rows: measured }
}
