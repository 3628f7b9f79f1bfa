// npm run bench:gemm: `--help` says how.
import { join } from 'node:path'
import { Device } from '../../lib/native/device.js'
import { loadAddon } from '../../lib/native/load.js'
import { createStatusLine } from '../../lib/report/status-line.js'
import { terminalOf } from '../../lib/report/terminal.js'
import { threadsText } from '../format.js'
import { commandText } from '../peers/cpu/command-line.js'
import { runCommand, temporaryFolder } from '../peers/cpu/command.js'
import { ourProgram } from '../peers/cpu/our-program.js'
import { race } from '../peers/cpu/race.js'
import { headOf } from '../peers/cpu/report.js'
import { help, parseCommandLine, type CommandLine } from './command-line.js'
import { compileLibraries, libraryEntrants } from './libraries.js'
import { gemmFormat, type GemmReport, type GemmRow } from './report.js'
import { flopsOf, taskOf } from './shapes.js'
import { gemmTable } from './table.js'

const patience = { prepare: 120, turn: 120 }

await runCommand({ name: 'bench:gemm', help, parse: parseCommandLine, measure, table: gemmTable })

async function measure({ threads, rounds, shapes }: CommandLine): Promise<GemmReport> {
  const head = headOf(commandText('bench:gemm', process.argv.slice(2)))
  const folder = temporaryFolder('gemm')
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
  }
  return { format: gemmFormat, ...head, peaks, rows }
}

async function measurePeak(threads: number): Promise<number> {
  using device = Device.create({ device: 'cpu', threads })
  return (await device.measureCeilings()).flopsPerSecond
}
