// The shell around the steps, on a host that has no GPU for sure: no device is visible.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseLines } from '../../bench/performance/page.js'
import { printTable } from '../../scripts/gpu-check/table.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const gpuCheck = (...args: string[]) =>
  spawnSync('bash', ['scripts/gpu-check.sh', ...args], {
    encoding: 'utf8',
    env: { ...process.env, CUDA_VISIBLE_DEVICES: '', PYTHON: 'no-python-here' },
  })

/** The environment with these commands, given as shell text, before all others. */
function withCommands(commands: Record<string, string>): NodeJS.ProcessEnv {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(commands))
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
}

const linesIn = (folder: string) => parseLines(readFileSync(join(folder, 'gpu-check.jsonl'), 'utf8'))

it('lists its steps in order of importance: those that must run fit into the budget together', () => {
  const { stdout, status } = gpuCheck('--list')
  const steps = [...stdout.matchAll(/^(\w+) +(\d+) (must|may) /gm)].map(([, name, seconds, duty]) => ({
    name,
    seconds: Number(seconds),
    duty,
  }))
  const firstOptional = steps.findIndex(({ duty }) => duty === 'may')
  const proofs = steps.slice(0, firstOptional)
  expect(steps).toHaveLength(10)
  expect(proofs.map(({ name }) => name)).toEqual([
    'versions',
    'calibration',
    'kernels',
    'repeatability',
    'training',
  ])
  expect(steps.slice(firstOptional).every(({ duty }) => duty === 'may')).toBe(true)
  const budget = Number(/budget of (\d+) s/.exec(stdout)?.[1])
  expect(proofs.reduce((sum, { seconds }) => sum + seconds, 0)).toBeLessThanOrEqual(budget)
  expect(status).toBe(0)
})

describe('what did not run is not green', () => {
  it.each([
    ['calibratoin', /no step 'calibratoin', did you mean calibration\?.*\nsteps: versions .* profile/],
    ['versions,xyz', /no step 'xyz'\nsteps: versions/],
    [',', /--only names no step\nsteps: versions/],
  ])('--only %s is refused before anything is touched', (only, text) => {
    const out = join(temporaryFolder(), 'results')
    const { stderr, status } = gpuCheck('--only', only, '--out', out)
    expect(stderr).toMatch(text)
    expect(status).toBe(2)
    expect(existsSync(out)).toBe(false)
  })

  it.each([
    ['--budget', '3.5'],
    ['--budget', ''],
    ['--seconds', 'all'],
  ])('%s %s is no number of seconds', (...args) => {
    const { stderr, status } = gpuCheck(...args, '--out', join(temporaryFolder(), 'results'))
    expect(stderr).toContain(`${args[0]} takes whole seconds`)
    expect(status).toBe(2)
  })

  it('a step that must run and had no time left is a failure, one that may run is left out', () => {
    const out = temporaryFolder()
    const { stdout, status } = gpuCheck('--dry-run', '--budget', '3', '--out', out)
    const whole = new Map(linesIn(out).map((line) => [line.step, line]))
    expect(whole.size).toBe(10)
    expect(whole.get('training')).toMatchObject({
      ok: false,
      error: expect.stringMatching(/^did not run: -?\d+ s are left of the budget of 3 s$/),
    })
    expect(whole.get('ops')).toMatchObject({ ok: true, skipped: expect.stringContaining('budget of 3 s') })
    expect(stdout).toMatch(/^FAILED training: whole step: did not run/m)
    expect(stdout).toMatch(/^training\s+NOT RUN/m)
    expect(stdout).toMatch(/^ops\s+skipped/m)
    expect(stdout).toMatch(/^5 steps failed/m)
    expect(status).toBe(1)
  })

  it('a step alone that may run is allowed to lack time', () => {
    const out = temporaryFolder()
    expect(gpuCheck('--dry-run', '--only', 'profile', '--budget', '3', '--out', out).status).toBe(0)
  })

  it('a step that must run and judged nothing is a failure', () => {
    const out = temporaryFolder()
    // Stands for a bundle that ends before it begins.
    const node = `case "$*" in *"main.js kernels"*) ;; *) exec '${process.execPath}' "$@" ;; esac`
    const { stdout, status } = spawnSync(
      'bash',
      ['scripts/gpu-check.sh', '--dry-run', '--only', 'kernels', '--out', out],
      { encoding: 'utf8', env: withCommands({ node }) },
    )
    expect(linesIn(out)).toMatchObject([
      { step: 'kernels', ok: false, error: 'ended without judging anything' },
    ])
    expect(stdout).toMatch(/^kernels\s+FAILED/m)
    expect(status).toBe(1)
  })

  it.skipIf(!existsSync('build/Release/simt-conformance'))('what ran and is in order is green', () => {
    const out = temporaryFolder()
    const { stdout, status } = gpuCheck('--dry-run', '--only', 'calibration,profile', '--out', out)
    expect(linesIn(out).length).toBeGreaterThan(20)
    expect(stdout).toMatch(/^calibration\s+ok/m)
    expect(status).toBe(0)
  })

  it('an empty record is not in order', () => {
    expect(printTable(join(temporaryFolder(), 'gpu-check.jsonl'))).toBe(false)
  })
})

describe('what compute-sanitizer says', () => {
  const unsupported = '========= Error: this API is not supported on the system'
  const finding = '========= Invalid __global__ write of size 4 bytes'
  const ran = 'ran 41 cases'
  /** The lines that the step writes when every tool prints `said` and exits with `code`. */
  function sanitizer(code: number, ...said: string[]) {
    const out = temporaryFolder()
    const tool = [...said.map((text) => `echo '${text}'`), `exit ${code}`].join('\n')
    const { status } = spawnSync('bash', ['scripts/gpu-check/steps.sh', 'sanitizer'], {
      env: {
        ...withCommands({ 'compute-sanitizer': tool }),
        ...{ GPU_CHECK_OUT: out, GPU_CHECK_DRY_RUN: '', GPU_CHECK_DEVICE_NAME: 'none' },
        ...{ GPU_CHECK_NODE: 'node', GPU_CHECK_MAIN: 'main.js' },
      },
    })
    return { status, lines: linesIn(out) }
  }

  it.each([
    ['a finding is a failure', 9, [finding, ran]],
    ['… even beside something that is not supported', 9, [unsupported, finding, ran]],
    ['… even when the exit code hides it', 0, [unsupported, finding, ran]],
    ['… and by the exit code alone', 9, [unsupported, ran]],
  ])('%s', (_what, code, said) => {
    const { status, lines } = sanitizer(code, ...said)
    expect(lines).toHaveLength(4)
    for (const line of lines)
      expect(line).toMatchObject({ ok: false, error: expect.stringContaining('=====') })
    if (said.includes(finding))
      expect(lines[0]).toMatchObject({ error: expect.stringMatching(/^========= Invalid/) })
    expect(status).toBe(1)
  })

  it('a tool that does not run here is left out', () => {
    const { status, lines } = sanitizer(1, unsupported)
    for (const line of lines)
      expect(line).toMatchObject({ ok: true, skipped: expect.stringContaining('not supported') })
    expect(status).toBe(0)
  })

  it('a tool that ends well without having run anything has found nothing out', () => {
    expect(sanitizer(0, '========= ERROR SUMMARY: 0 errors').lines[0]).toMatchObject({
      ok: true,
      skipped: expect.stringContaining('without running'),
    })
    const [line] = sanitizer(0, ran, '========= ERROR SUMMARY: 0 errors').lines
    expect(line).toMatchObject({ ok: true })
    expect(line!.skipped).toBeUndefined()
  })
})

it('packs a build for A100 and H100 of its own, which leaves the working build alone', () => {
  const cwd = temporaryFolder()
  const build = 'case $1 in */build-native.mjs) printf "%s\\n" "$@" >arguments; exit 7 ;; esac'
  const stands = { node: build, git: 'echo exclude', nvcc: '', xz: '', strip: '' }
  const { status } = spawnSync('bash', [resolve('scripts/gpu-check/pack.sh')], {
    cwd,
    env: withCommands(stands),
  })
  const options = readFileSync(join(cwd, 'arguments'), 'utf8').split('\n')
  expect(options).toContain('--CDPATCHTRAIN_CUDA_ARCHITECTURES=80-real;90-real;80-virtual')
  expect(options[options.indexOf('--out') + 1]).toBe('build/pack')
  expect(status).toBe(7)
})

it('goes on after a step that fails, leaves out what the host lacks, and fails in the end', () => {
  const out = temporaryFolder()
  const { stdout, status } = gpuCheck('--only', 'training,peers', '--out', out)
  const lines = linesIn(out)
  const whole = (step: string) => lines.find((line) => line.step === step && line.name === 'whole step')
  expect(whole('training')).toMatchObject({ ok: false, error: 'exit code 1' })
  expect(whole('peers')).toMatchObject({ ok: true })
  expect(lines.find(({ name }) => name === 'torch')?.skipped).toContain('no PyTorch')
  expect(stdout).toMatch(/^training\s+FAILED/m)
  expect(status).toBe(1)
})

it('writes no broken line, whatever a tool says', () => {
  const out = temporaryFolder()
  const script = `. scripts/gpu-check/lines.sh; line step name false error "$1" ms 12.5`
  spawnSync('bash', ['-c', script, 'bash', 'a "quoted" \\ back\nnew line\ttab \u0001'], {
    env: { ...process.env, GPU_CHECK_OUT: out, GPU_CHECK_DEVICE_NAME: 'a "GPU"' },
  })
  const [line] = linesIn(out)
  expect(line).toMatchObject({ step: 'step', ok: false, ms: 12.5, device: "a 'GPU'" })
})
