// npm run bench -- [filter …] [--threads 1,2] [--table] [--json file]        the CPU backend
// npm run bench -- [filter …] --device cuda [--json file]                    a CUDA device
// A filter is a part of an op's name and sizes; `runtime` is the group of the rows about loading and the event loop.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Device } from '../lib/native/device.js'
import { loadAddon, packageRoot } from '../lib/native/load.js'
import { cases } from './cases.js'
import { benchmarkCuda } from './cuda/index.js'
import { measureCase } from './measure.js'
import { machine, rowOf, table, type Report } from './report.js'
import { longestWait, measureRuntime } from './runtime.js'

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string' },
    table: { type: 'boolean', default: false },
    json: { type: 'string' },
    device: { type: 'string', default: 'cpu' },
  },
})

const wanted = (name: string) => filters.length === 0 || filters.some((filter) => name.includes(filter))
if (options.device !== 'cpu') {
  const lines = await benchmarkCuda(options.device, wanted)
  if (options.json) writeFileSync(options.json, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  process.exit(lines.some(({ error }) => error !== undefined) ? 1 : 0)
}
const chosen = cases.filter(({ op, shape }) => wanted(`${op} ${shape}`))
const withRuntime = wanted('runtime')
if (chosen.length === 0 && !withRuntime) {
  const ops = [...new Set(cases.map(({ op }) => op))]
  console.error(`nothing matches '${filters.join(' ')}'. There are: ${ops.join(', ')}, runtime`)
  process.exit(1)
}

const threadCounts = options.threads
  ? options.threads.split(',').map(Number)
  : [...new Set([1, loadAddon().addon.allowedThreads()])]

const report: Report = {
  patchtrain: (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version,
  date: new Date().toISOString(),
  machine: machine(),
  level: '',
  ceilings: [],
  rows: [],
}

const devices = threadCounts.map((threads) => Device.create({ threads }))
report.level = devices[0]!.level
for (const device of devices)
  report.ceilings.push({ threads: device.threads, ...(await device.measureCeilings()) })
for (const benchCase of chosen)
  for (const device of devices) {
    progress(`${benchCase.op} ${benchCase.shape}, ${device.threads} threads`)
    report.rows.push(rowOf(benchCase, device.threads, await measureCase(device, benchCase)))
  }
for (const device of devices) device.dispose()
if (withRuntime) {
  progress('runtime')
  report.runtime = await measureRuntime()
}
progress('')

if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
if (options.table || process.stdout.isTTY) console.log(table(report))
else if (!options.json) console.log(JSON.stringify(report, null, 2))
if (report.runtime && report.runtime.eventLoop.timerWait > longestWait) process.exitCode = 1

function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`)
}
