import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../lib/native/load.js'
import { createStatusLine } from '../../lib/report/status-line.js'
import { terminalOf } from '../../lib/report/terminal.js'
import { Children } from './child.js'
import { help, parseCommandLine, type CommandLine } from './command-line.js'
import { openLab } from './lab.js'
import { chosenCases } from './parts.js'
import { reportOf, reportText } from './report.js'
import { runCases } from './run-cases.js'
import { unmountAll } from './tmpfs.js'

async function chaos({ seed, runs, only, json, list }: CommandLine): Promise<number> {
  const cases = chosenCases(runs, only)
  if (cases.length === 0) throw new Error(`--only ${only} names no case; --list names them all`)
  if (list) {
    process.stdout.write(cases.map(({ name }) => `${name}\n`).join(''))
    return 0
  }
  const cli = join(packageRoot(), 'dist', 'cli.js')
  if (!existsSync(cli)) throw new Error(`${cli} is missing: build it with npm run build`)
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-chaos-'))
  const children = new Children(cli)
  const status = createStatusLine(terminalOf(process.stderr, process.env), { plainSeconds: 10 })
  let keep = false
  // However it ends, by a signal or a fault of its own: no process, mount or file of ours stays.
  process.on('exit', () => {
    status.close()
    children.killAll()
    unmountAll()
    if (!keep) rmSync(folder, { recursive: true, force: true })
  })
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))

  status.show('a run that is left alone')
  const lab = await openLab(folder, children)
  const results = await runCases(cases, lab, seed, status)
  const report = reportOf(`npm run chaos -- ${process.argv.slice(2).join(' ')}`.trim(), seed, runs, results)
  status.close()
  if (json !== undefined && json !== '-') writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(json === '-' ? `${JSON.stringify(report, null, 2)}\n` : `${reportText(report)}\n`)
  keep = report.failed > 0
  if (keep) process.stderr.write(`what failed is kept in ${folder}\n`)
  return keep ? 1 : 0
}

try {
  const commandLine = parseCommandLine(process.argv.slice(2))
  if (commandLine.help) process.stdout.write(help)
  else process.exitCode = await chaos(commandLine)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
