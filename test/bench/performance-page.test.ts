import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { cudaSection, unmeasured, type CheckLine } from '../../bench/performance/cuda.js'
import { performancePage } from '../../bench/performance/page.js'
import { reportText } from '../../bench/report.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { opRow, report } from './synthetic-report.js'

const line = (step: string, name: string, figures: Partial<CheckLine>): CheckLine => ({
  step,
  name,
  ok: true,
  device: 'Some GPU',
  date: '2026-12-01T10:00:00Z',
  ...figures,
})
const rowOf = (section: string, name: string) =>
  section
    .split('\n')
    .find((text) => text.startsWith(`| ${name} |`))
    ?.split('|')
    .slice(2, -1)
    .map((cell) => cell.trim())

it('docs/performance.md says what bench/results holds', () => {
  const page = readFileSync('docs/performance.md', 'utf8')
  expect(page, 'run: node scripts/performance-table.mjs').toBe(performancePage('bench/results'))
})

it('says what is unmeasured while there are no results', () => {
  for (const folder of [temporaryFolder(), 'no/such/folder']) {
    const page = performancePage(folder)
    for (const command of [
      'npm run bench:peers',
      'npm run bench:gemm',
      'npm run bench',
      'bash scripts/gpu-check.sh',
    ])
      expect(page).toContain(`\`${command}\``)
    expect(page.split('\n').length).toBeLessThan(40)
  }
})

it('puts each result file where it belongs', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, '2026-12-01-here.json'), reportText(report([opRow()])))
  const check = { ...line('ops', '370m qkv y', { ms: 1 }) }
  writeFileSync(join(folder, '2026-12-02-some-gpu-check.jsonl'), `${JSON.stringify(check)}\n`)
  const page = performancePage(folder)
  const order = ['## CPU: against PyTorch', '### Some CPU, 2 cores, avx2', '## CUDA', '### Some GPU']
  const places = order.map((title) => page.indexOf(`\n${title}\n`))
  expect(places).toEqual([...places].sort((a, b) => a - b))
  expect(places[0]).toBeGreaterThan(0)
})

it('a result file of another format is refused', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, '2026-11-01-old.json'), '{"rows": []}')
  expect(() => performancePage(folder)).toThrow(/2026-11-01-old.json is no report/)
})

it('estimates nothing: every cell of a CUDA row that was not run says so', () => {
  const section = cudaSection([line('versions', 'driver', {})], 'some-gpu-check.jsonl')
  for (const name of [
    '370m step K4',
    'attention forward D128 T2048',
    '2.7b down dW',
    'clip + adamw',
    'kernels',
  ])
    expect(new Set(rowOf(section, name)).has(unmeasured), name).toBe(true)
  expect(section).not.toMatch(/NaN|undefined|Infinity/)
})

it('compares with the fastest peer that ran, and keeps what is missing apart', () => {
  const name = 'attention forward D64 T2048'
  const section = cudaSection(
    [
      line('ops', name, { ms: 2, tflops: 300, of_ceiling: 0.4 }),
      line('peers', name, { peer: 'SDPA cuDNN', ms: 3 }),
      line('peers', name, { peer: 'SDPA flash', ms: 5 }),
      line('peers', name, { peer: 'SDPA efficient', skipped: 'not here' }),
      line('ops', '370m qkv y', { ms: 1, tflops: 700, of_ceiling: 0.9 }),
      line('ops', '370m qkv y, own kernel', { ms: 2, tflops: 350, of_ceiling: 0.45 }),
    ],
    '2026-12-01-some-gpu-check.jsonl',
  )
  expect(rowOf(section, name)).toEqual(['2.00', '300 TFLOP/s', '40 %', 'SDPA cuDNN', '3.00', '1.50×'])
  expect(rowOf(section, '370m qkv y')).toEqual([
    '1.00',
    '700 TFLOP/s',
    '90 %',
    '350 TFLOP/s',
    unmeasured,
    unmeasured,
    unmeasured,
  ])
  expect(section).toContain('### Some GPU')
  expect(section).toContain('2026-12-01 · `bash scripts/gpu-check.sh`')
})

it('counts what a check left undone', () => {
  const section = cudaSection(
    [
      line('kernels', 'gemm', {}),
      line('kernels', 'rope', { ok: false }),
      line('training', 'resume', {}),
      line('sanitizer', 'memcheck', {}),
      line('sanitizer', 'racecheck', { skipped: 'not finished' }),
    ],
    'some-gpu-check.jsonl',
  )
  expect(rowOf(section, 'kernels')!.at(-1)).toBe('1 of 2 failed')
  expect(rowOf(section, 'training')!.at(-1)).toBe('ok')
  expect(rowOf(section, 'sanitizer')!.at(-1)).toBe('ok, 1 of 2 skipped')
})
