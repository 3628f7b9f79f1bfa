import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Check } from '../../lib/cli/doctor/check.js'
import { node } from '../../lib/cli/doctor/host.js'
import { runCommand } from '../helpers/run-cli.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('doctor', () => {
  it('finds that a host that runs the tests can train', async () => {
    const { code, out } = await runCommand(['doctor'], process.env)
    expect(code).toBe(0)
    expect(out).toMatch(/^OK +CPU kernels +\S+ in use/m)
    expect(out).toContain('This host can train.')
  })

  it('survives an addon that cannot be loaded, says why, and exits with 1', async () => {
    const broken = join(folder, 'patchtrain.node')
    writeFileSync(broken, 'not a shared object')
    const { code, out } = await runCommand(['doctor', '--json'], {
      ...process.env,
      PATCHTRAIN_NATIVE_PATH: broken,
    })
    expect(code).toBe(1)
    const { canTrain, checks } = JSON.parse(out) as { canTrain: boolean; checks: Check[] }
    expect(canTrain).toBe(false)
    const addon = checks.find((check) => check.name === 'native addon')
    expect(addon).toMatchObject({ status: 'fail' })
    expect(addon?.found).toContain(broken)
    expect(addon?.remedy).toContain('npm run build:native')
  })

  it('lists where it looked when there is no addon', async () => {
    const missing = join(folder, 'none.node')
    const { code, out } = await runCommand(['doctor'], { ...process.env, PATCHTRAIN_NATIVE_PATH: missing })
    expect(code).toBe(1)
    expect(out).toMatch(/FAIL +native addon +not found; looked for .*none\.node/)
  })

  it.each([
    ['20.18.0', 'fail'],
    ['20.19.0', 'ok'],
    ['21.7.0', 'fail'],
    ['22.11.0', 'fail'],
    ['22.12.0', 'ok'],
    ['24.0.0', 'ok'],
  ] as const)('Node.js %s: %s', (version, status) => {
    expect(node(version).status).toBe(status)
  })
})
