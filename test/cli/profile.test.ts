import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { profileText } from '../../lib/cli/inspect/profile-text.js'
import type { RunProfile } from '../../lib/report/profile.js'
import { runCommand } from '../helpers/run-cli.js'
import { requireWellFormed } from '../helpers/well-formed.js'
import { profileWith, step, stepOfGraphs } from '../report/made-up-profile.js'

describe('the text of a profile', () => {
  const text = profileText(profileWith(step), false)

  it('has the most expensive row first, with time, share, speed, floor and bound', () => {
    expect(text).toMatch(
      /─\nforward +gemm {2}attention\.qkv +8×6×4 +4 +145 ms +79 % +552 FLOP\/s +80 ms +55 % {2}compute\n/,
    )
    expect(text).toMatch(/all ops +11 +181 ms +99 % +541 FLOP\/s +111 ms +61 %/)
  })

  it('heads each stage with the step, its speed, its floor and what is outside of ops', () => {
    expect(text).toMatch(/stage +patch: K = 4, 8 × 128 positions, 4,096 tokens a step/)
    expect(text).toMatch(/step +191 ms \(159 ms to 200 ms in 3\), 21\.4k tokens\/s/)
    expect(text).toMatch(/outside ops +2 ms, 1\.1 %/)
    expect(text).not.toMatch(/unsteady|Over 100/)
  })

  it('explains a row that was faster than memory', () => {
    const cached = { ...step, ops: step.ops.map((op) => ({ ...op, seconds: op.seconds / 4 })) }
    expect(profileText(profileWith(cached), false)).toMatch(/Over 100 %:.*cache/)
  })

  it('lists every op in order of execution when asked', () => {
    const lines = profileText(profileWith(step), true).split('\n')
    const first = lines.findIndex((line) => line.startsWith('─')) + 1
    expect(lines[first]).toMatch(/^forward +patch_embedding/)
    expect(lines[first + 3]).toMatch(/^forward layers\.1 +rms_norm +8×4 +3 /)
  })

  it('says when ops were timed apart from the steps', () => {
    expect(profileText(profileWith(stepOfGraphs), false)).toMatch(/ops +timed in further steps.*one by one/)
    expect(profileText(profileWith(step), false)).not.toMatch(/one by one/)
  })
})

describe('inspect --profile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-profile-'))
  const config = join(folder, 'tiny.yaml')
  const run = join(folder, 'run')
  const profile = (...argv: string[]) => runCommand(['inspect', ...argv, '--profile', '--steps', '2'])
  afterAll(() => rmSync(folder, { recursive: true }))

  beforeAll(async () => {
    const text = join(folder, 'text.txt')
    writeFileSync(text, 'the quick brown fox jumps over the lazy dog.\n'.repeat(50))
    writeFileSync(
      config,
      `model: { width: 32, layers: 2, heads: 2, feedForward: 64 }
data: { train: ${text}, validationFraction: 0, cache: ${join(folder, 'cache')} }
schedule: { totalSteps: 3, batchTokens: 512, context: 32 }
device: cpu
threads: 1
`,
    )
    expect((await runCommand(['train', config, '--out', run, '--quiet'])).code).toBe(0)
    rmSync(text) // a profile must not need it
  })

  it('prints a table for each stage of a configuration, and writes no file', async () => {
    const before = readdirSync(folder)
    const { code, out, err } = await profile(config)
    expect(code).toBe(0)
    expect(out).toMatch(/^stage +patch: K = 4/m)
    expect(out).toMatch(/^stage +token: K = 1/m)
    expect(out.match(/^all ops /gm)).toHaveLength(2)
    expect(out).toMatch(/^backward +gemm {2}feedForward\.down dW +32×64×128 +2 /m)
    expect(out).toContain('--svg FILE')
    expect(err).toContain('measuring what this device can do')
    expect(readdirSync(folder)).toEqual(before)
  })

  it('of a run leaves the run as it is, and draws a picture where it is told to', async () => {
    const files = () => readdirSync(run, { recursive: true }).sort()
    const metrics = () => readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    const before = [files(), metrics()]
    const picture = join(folder, 'profile.svg')
    const { code, out } = await profile(run, '--stage', 'token', '--svg', picture, '--ops')
    expect(code).toBe(0)
    expect(out).toContain(`wrote ${picture}`)
    expect(out).not.toMatch(/^stage +patch/m)
    expect(out).toMatch(/^forward layers\.1 +attention /m)
    requireWellFormed(readFileSync(picture, 'utf8'))
    expect([files(), metrics()]).toEqual(before)
  })

  it('--json is everything as data and nothing else on stdout', async () => {
    const { out } = await profile(config, '--stage', 'patch', '--threads', '2', '--json')
    const json = JSON.parse(out) as RunProfile & { kind: string }
    expect(json.kind).toBe('profile')
    expect(json.device).toMatch(/2 threads/)
    expect(json.stages.map(({ stage, steps }) => [stage.name, steps])).toEqual([['patch', 2]])
  })

  it.each([
    [
      'a stage that is not there',
      ['--stage', 'tokens'],
      2,
      "no stage 'tokens'. Stages of this run: patch, token.",
    ],
    ['no steps', ['--steps', '0'], 2, '0 steps cannot be measured'],
    ['half a step', ['--steps', '1.5'], 2, '1.5 steps cannot be measured'],
    ['a device that is not there', ['--device', 'tpu'], 2, "no device 'tpu'"],
  ])('refuses %s', async (_, flags, code, expected) => {
    const result = await runCommand(['inspect', config, '--profile', ...flags])
    expect(result.code).toBe(code)
    expect(result.err).toContain(expected)
  })

  it('prints what it measured even if the picture could not be written', async () => {
    const unwritable = join(folder, 'folder.svg')
    mkdirSync(unwritable)
    const { code, out, err } = await profile(config, '--stage', 'token', '--svg', unwritable)
    expect(code).toBe(74)
    expect(err).toContain('Give another --svg')
    expect(out).toMatch(/^all ops /m)
  })

  it('refuses a picture that cannot be, or would replace something else, before it measures', async () => {
    const nowhere = await profile(config, '--svg', join(folder, 'no', 'p.svg'))
    expect(nowhere).toMatchObject({ code: 74, out: '' })
    expect(nowhere.err).toContain('there is no folder')
    const other = await profile(config, '--svg', join(run, 'config.yaml'))
    expect(other).toMatchObject({ code: 74, out: '' })
    expect(other.err).toContain('does not end in .svg')
  })

  it('says when something else used the machine', () => {
    expect(profileText({ ...profileWith(step), drift: 0.5 }, false)).toMatch(
      /busy +the two measurements.*50 %/,
    )
    expect(profileText(profileWith(step), false)).not.toMatch(/busy/)
  })

  it('refuses what is neither a run nor a configuration', async () => {
    expect((await profile(join(folder, 'nothing'))).err).toContain('There is nothing at')
    expect((await profile(join(run, 'checkpoints'))).err).toContain('not a run folder')
    expect((await profile(join(run, 'loss.svg'))).err).toContain('Give a run folder, or a configuration')
    expect(existsSync(join(folder, 'nothing'))).toBe(false)
  })

  it('refuses its flags without it', async () => {
    const { code, err } = await runCommand(['inspect', run, '--svg', 'p.svg'])
    expect(code).toBe(2)
    expect(err).toContain('--svg belongs to --profile')
  })
})
