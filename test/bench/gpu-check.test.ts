// The shell around the steps, on a host that has no GPU for sure: no device is visible.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseLines } from '../../bench/performance/page.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const gpuCheck = (...args: string[]) =>
  spawnSync('bash', ['scripts/gpu-check.sh', ...args], {
    encoding: 'utf8',
    env: { ...process.env, CUDA_VISIBLE_DEVICES: '', PYTHON: 'no-python-here' },
  })

it('lists its steps in order of importance', () => {
  const { stdout, status } = gpuCheck('--list')
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0])
  expect(names.slice(0, 3)).toEqual(['versions', 'calibration', 'kernels'])
  expect(status).toBe(0)
})

it('goes on after a step that fails, leaves out what the host lacks, and fails in the end', () => {
  const out = temporaryFolder()
  const { stdout, status } = gpuCheck('--only', 'training,peers', '--out', out)
  const lines = parseLines(readFileSync(join(out, 'gpu-check.jsonl'), 'utf8'))
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
  const [line] = parseLines(readFileSync(join(out, 'gpu-check.jsonl'), 'utf8'))
  expect(line).toMatchObject({ step: 'step', ok: false, ms: 12.5, device: "a 'GPU'" })
})
