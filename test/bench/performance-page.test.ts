import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { cudaSection, unmeasured, type CheckLine } from '../../bench/performance/cuda.js'
import { performancePage } from '../../bench/performance/page.js'

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

it('estimates nothing: without results every cell of a CUDA row says so', () => {
  const section = cudaSection([])
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
  const section = cudaSection([
    line('kernels', 'gemm', {}),
    line('kernels', 'rope', { ok: false }),
    line('training', 'resume', {}),
    line('sanitizer', 'memcheck', {}),
    line('sanitizer', 'racecheck', { skipped: 'not finished' }),
  ])
  expect(rowOf(section, 'kernels')!.at(-1)).toBe('1 of 2 failed')
  expect(rowOf(section, 'training')!.at(-1)).toBe('ok')
  expect(rowOf(section, 'sanitizer')!.at(-1)).toBe('ok, 1 of 2 skipped')
})
