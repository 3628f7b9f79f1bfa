// npm run bench:gemm: `--help` says how.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Device } from '../../lib/native/device.js'
import { loadAddon } from '../../lib/native/load.js'
import { createStatusLine } from '../../lib/report/status-line.js'
import { terminalOf } from '../../lib/report/terminal.js'
import { threadsText } from '../format.js'
import { commandText } from '../peers/cpu/command-line.js'
import { ourProgram } from '../peers/cpu/our-program.js'
import { race } from '../peers/cpu/race.js'
import { complaints, headOf, reportText } from '../peers/cpu/report.js'
import { help, parseCommandLine, type CommandLine } from './command-line.js'
import { compileLibraries, libraryEntrants } from './libraries.js'
import { gemmFormat, type GemmReport, type GemmRow } from './report.js'
import { flopsOf, taskOf } from './shapes.js'
import { gemmTable } from './table.js'

const patience = { prepare: 120, turn: 120 }

const args = process.argv.slice(2)
try {
  process.exitCode = await main(parseCommandLine(args))
} catch (error) {
  console.error(`bench:gemm: ${(error as Error).message}`)
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
  console.log(json === '-' ? reportText(report).trimEnd() : gemmTable(report))
  const wrong = complaints(report.rows)
  for (const complaint of wrong) console.error(`FAILED: ${complaint}`)
  return wrong.length > 0 ? 1 : 0
}

async function measure({ threads, rounds, shapes }: CommandLine): Promise<GemmReport> {
  const head = headOf(commandText('bench:gemm', args))
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-gemm-'))
  const status = createStatusLine(terminalOf(process.stderr, process.env), { plainSeconds: 30 })
  const peaks: { threads: number; flopsPerSecond: number }[] = []
  const rows: GemmRow[] = []
  try {
    status.show('compiling')
    const program = compileLibraries(folder)
    for (const count of threads ?? new Set([1, loadAddon().addon.allowedThreads()])) {
      peaks.push({ threads: count, flopsPerSecond: await measurePeak(count) })
      for (const shape of shapes) {
        const task = taskOf(shape, count, join(folder, 'inputs'))
        const entrants = [{ name: 'ours', program: ourProgram(task) }, ...libraryEntrants(program, task)]
        const show = (what: string) => status.show(`${shape.name}, ${threadsText(count)}: ${what}`)
        const result = await race(entrants, rounds, patience, show)
        rows.push({ name: shape.name, threads: count, flops: flopsOf(shape), ...result })
      }
    }
  } finally {
    status.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { format: gemmFormat, ...head, peaks, rows }
}

async function measurePeak(threads: number): Promise<number> {
  using device = Device.create({ device: 'cpu', threads })
  return (await device.measureCeilings()).flopsPerSecond
}
