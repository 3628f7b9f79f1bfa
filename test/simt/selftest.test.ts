// Who watches the watchman: kernels with planted bugs that the emulator must find, clean twins on which it must stay
// silent, and every emulated instruction against a formula.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadAddon } from '../../lib/native/load.js'

const folder = dirname(loadAddon().path)
const selftest = join(folder, 'simt-selftest')
const conformance = join(folder, 'simt-conformance')
const missing = existsSync(selftest) && existsSync(conformance) ? '' : ' (not built: npm run build:simt)'

interface Planted {
  test: 'planted'
  name: string
  expected: string
  found: Record<string, string>
  clean: Record<string, string>
  at: string
  ok: boolean
}
interface RuntimeCheck {
  test: 'runtime'
  name: string
  problem: string
  ok: boolean
}
interface Wrapper {
  wrapper: string
  compare: 'exact' | 'close'
  hash?: string
  ok: boolean
}

function run<Line>(program: string, ...args: string[]): Line[] {
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: 120_000 })
  if (result.error || result.signal)
    throw new Error(
      `${program} did not end by itself: ${String(result.error ?? result.signal)}\n${result.stderr}`,
    )
  return result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

describe.skipIf(missing !== '')(`the emulator finds what it must${missing}`, () => {
  const lines = missing === '' ? run<Planted | RuntimeCheck>(selftest) : []
  const planted = lines.filter((line): line is Planted => line.test === 'planted')
  const checks = lines.filter((line): line is RuntimeCheck => line.test === 'runtime')

  it('knows the bugs that CUDA kernels are prone to', () => {
    expect(planted.length).toBeGreaterThanOrEqual(24)
    expect(checks.length).toBeGreaterThanOrEqual(14)
  })

  it.each(planted)('$name', ({ expected, found, clean, at, ok }) => {
    for (const policy of ['sequential', 'random', 'pct']) {
      expect(expected.split('|'), `found with policy ${policy}`).toContain(found[policy])
      expect(clean[policy], `reported of the clean twin with policy ${policy}`).toBe('')
    }
    expect(at, 'where').toMatch(/planted\.cuh:\d+/)
    expect(ok).toBe(true) // other seeds too
  })

  it.each(checks)('$name', ({ problem }) => {
    expect(problem).toBe('')
  })
})

describe.skipIf(missing !== '')(`emulated instructions do what their formulas say${missing}`, () => {
  const hasPtx = existsSync(join(folder, '..', 'simt', 'ptx', 'conformance_matrices.ptx.cc'))
  const options = ['check', 'check policy=random seed=3', 'check policy=pct seed=4']
  if (hasPtx) options.push('check ptx') // the wrappers' device bodies: bit for bit the same
  const runs = missing === '' ? options.map((option) => run<Wrapper>(conformance, option)) : []
  const [first = []] = runs

  it('covers every wrapper', () => {
    expect(first.length).toBeGreaterThanOrEqual(29)
  })

  it.each(first)('$wrapper', ({ wrapper }) => {
    const outcomes = runs.map((lines) => lines.find((line) => line.wrapper === wrapper))
    for (const outcome of outcomes) expect(outcome).toEqual(first.find((line) => line.wrapper === wrapper))
    expect(first.find((line) => line.wrapper === wrapper)?.ok).toBe(true)
  })
})
