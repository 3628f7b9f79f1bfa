import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from '../report.js'
import { cpuSection } from './cpu.js'
import { cudaSection, type CheckLine } from './cuda.js'

/** docs/performance.md, from the result files in `folder`. */
export function performancePage(folder: string): string {
  const files = readdirSync(folder).sort().reverse() // newest first: names begin with the date
  const cpu = files.filter((file) => file.endsWith('.json'))
  const cuda = files.filter((file) => file.endsWith('-gpu-check.jsonl'))
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const cudaSections = cuda.map((file) => cudaSection(parseLines(read(file)), file))
  return [
    '# Performance',
    '',
    '<!-- Written by scripts/performance-table.mjs from bench/results. Do not edit: change a result file or bench/performance. -->',
    '',
    'Every figure is a median on random data, measured by the command beside it on the machine beside it, with the ceilings of that machine',
    'measured in the same run. What a row counts is in [bench/README.md](../bench/README.md). What was not measured says so; nothing is estimated.',
    '',
    '## CUDA',
    '',
    (cudaSections.length > 0 ? cudaSections : [cudaSection([])]).join('\n\n'),
    '',
    '## CPU',
    '',
    cpu.map((file) => cpuSection(file, JSON.parse(read(file)) as Report)).join('\n\n'),
    '',
  ].join('\n')
}

export function parseLines(text: string): CheckLine[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as CheckLine)
}
