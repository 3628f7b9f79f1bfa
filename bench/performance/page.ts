import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readReport } from '../report.js'
import { cpuSection } from './cpu.js'
import { cudaSection, type CheckLine } from './cuda.js'
import { gemmSection, peersSection } from './peers.js'

/** docs/performance.md, from the result files in `folder`; their names begin with the date. */
export function performancePage(folder: string): string {
  const files = existsSync(folder) ? readdirSync(folder).sort().reverse() : [] // newest first
  const ending = (end: string) => files.filter((file) => file.endsWith(end))
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const peers = ending('-peers.json')
  const products = ending('-gemm.json')
  const own = ending('.json').filter((file) => !peers.includes(file) && !products.includes(file))
  const checks = ending('-gpu-check.jsonl')
  return [
    ...head,
    '## CPU: against PyTorch',
    ...orUnmeasured(
      peers.map((file) => peersSection(file, JSON.parse(read(file)))),
      'npm run bench:peers',
    ),
    '## CPU: against other matrix products',
    ...orUnmeasured(
      products.map((file) => gemmSection(file, JSON.parse(read(file)))),
      'npm run bench:gemm',
    ),
    '## CPU: steps, ops, and what lies around',
    ...orUnmeasured(
      own.map((file) => cpuSection(readReport(join(folder, file)))),
      'npm run bench',
    ),
    '## CUDA',
    ...(checks.length > 0 ? checks.map((file) => cudaSection(parseLines(read(file)), file)) : [noDevice]),
  ]
    .join('\n\n')
    .concat('\n')
}

const head = [
  '# Performance',
  '<!-- Written by scripts/performance-table.mjs from bench/results. Do not edit: change a result file or bench/performance. -->',
  'Every figure is a median on random data, measured by the command beside it on the machine beside it, with the ceilings of that machine\n' +
    'measured in the same run. What a row counts is in [bench/README.md](../bench/README.md). What was not measured says so; nothing is estimated.',
]

const noDevice =
  'No GPU has run these rows yet, so there are no figures. `bash scripts/gpu-check.sh` on a host with one measures every op and whole\n' +
  'training steps at the sizes of the presets beside PyTorch, and `npm run performance` then writes them here.'

const orUnmeasured = (sections: readonly string[], command: string) =>
  sections.length > 0 ? sections : [`Unmeasured: \`${command}\` measures it.`]

export function parseLines(text: string): CheckLine[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as CheckLine)
}
