// The runner that stands in for vitest on a host with a GPU: what fails must fail there too.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'tsup'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseLines } from '../../bench/performance/page.js'
import { gpuCheckBundle } from '../../tsup.gpu-check.config.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const bundle = 'build/gpu-check-test' // inside the package: there .js files are modules

beforeAll(async () => {
  const entries = ['scripts/gpu-check/main.ts', 'test/bench/fixtures/*.fixture.ts']
  await build({ ...gpuCheckBundle(entries, bundle), config: false })
})

function run(fixture: string) {
  const out = temporaryFolder()
  const main = join(bundle, 'scripts/gpu-check/main.js')
  const file = join(bundle, `test/bench/fixtures/${fixture}.fixture.js`)
  const { status } = spawnSync(process.execPath, [main, 'kernels-of-one-file', file, '--out', out])
  return { status, lines: parseLines(readFileSync(join(out, 'gpu-check.jsonl'), 'utf8')) }
}

describe('the kernel tests without vitest', () => {
  it('pass where all pass', () => {
    const { status, lines } = run('passing')
    expect(lines).toMatchObject([{ step: 'kernels', ok: true, tests: 4, failed: 0, not_run: 1 }])
    expect(status).toBe(0)
  })

  it('fail with a line for each test that fails, and a reason', () => {
    const { status, lines } = run('failing')
    expect(lines).toMatchObject([
      { name: 'failing.fixture.js: expects what is not', ok: false },
      { name: 'failing.fixture.js: throws', ok: false, error: 'thrown in a test' },
      { name: 'failing.fixture.js: rejects nothing', ok: false },
      { name: 'failing.fixture.js', ok: false, tests: 4, failed: 3 },
    ])
    expect(status).toBe(1)
  })

  it('fail when a hook does, though no test was run', () => {
    const { status, lines } = run('hook')
    expect(lines).toMatchObject([
      { ok: false, error: 'thrown in a hook' },
      { ok: false, failed: 1, not_run: 1 },
    ])
    expect(status).toBe(1)
  })

  it.each(['broken', 'empty'])('fail when a file is %s', (fixture) => {
    const { status, lines } = run(fixture)
    expect(lines.at(-1)).toMatchObject({ ok: false, tests: 0 })
    expect(status).toBe(1)
  })
})
