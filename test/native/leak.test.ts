import { spawnSync } from 'node:child_process'
import { build } from 'tsup'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/* What a run takes it gives back: a server or a sweep may train thousands of models in one process. */

const bundle = 'build/leak-test' // inside the package: there .js files are modules

beforeAll(async () => {
  await build({
    entry: ['test/native/leak-rounds.ts'],
    format: 'esm',
    outDir: bundle,
    config: false,
    silent: true,
    target: 'node20',
  })
})

/**
 * What grows although nothing leaks is held down, so that 2 % can be asked for: code that V8 goes on to optimise for
 * hundreds of rounds, the young generation, and malloc's arenas, of which new threads may get ever new ones.
 */
const flags = ['--expose-gc', '--no-opt', '--max-semi-space-size=1']
const env = { ...process.env, MALLOC_ARENA_MAX: '1' }

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!

/** Resident memory of rounds [from, to) of `rounds`, by its median. */
function residentMemory(kind: 'trainer' | 'device', rounds: number, spans: readonly (readonly [number, number])[]) {
  const script = `${bundle}/leak-rounds.js`
  const child = spawnSync(process.execPath, [...flags, script, kind, String(rounds), temporaryFolder()], {
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 24,
  })
  if (child.status !== 0) throw new Error(child.stderr)
  const resident = JSON.parse(child.stdout) as number[]
  expect(resident).toHaveLength(rounds)
  return spans.map(([from, to]) => median(resident.slice(from, to)))
}

test('500 trainers come and go, and memory stays flat within 2 %', { timeout: 300_000 }, () => {
  const [early, late] = residentMemory('trainer', 500, [
    [100, 150],
    [450, 500],
  ])
  expect(late! / early!).toBeLessThan(1.02)
})

test('2000 devices, plans and regions come and go, and memory stays flat within 2 %', { timeout: 300_000 }, () => {
  const [early, late] = residentMemory('device', 2000, [
    [400, 600],
    [1800, 2000],
  ])
  expect(late! / early!).toBeLessThan(1.02)
})
