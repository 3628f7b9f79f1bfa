import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it, vi } from 'vitest'
import { parseLines } from '../../bench/performance/page.js'
import { compareCalibration } from '../../scripts/gpu-check/calibration.js'
import { Lines } from '../../scripts/gpu-check/lines.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const exact = { wrapper: 'ldmatrix', compare: 'exact', hash: 'ab', wrong: 0, ok: true }
const close = { wrapper: 'exp2', compare: 'close', error: 1e-8, allowed: 1e-7, ok: true }

beforeEach(() => void vi.spyOn(console, 'log').mockImplementation(() => undefined))

/** Which wrappers are not in order, and why. */
function failures(device: object[], emulator: object[] = [exact, close]): string[] {
  const folder = temporaryFolder()
  const write = (name: string, lines: object[]) => {
    writeFileSync(join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return join(folder, name)
  }
  const lines = new Lines(join(folder, 'gpu-check.jsonl'), { step: 'calibration', device: 'test' })
  compareCalibration(write('device', device), write('emulator', emulator), lines)
  const failed = parseLines(readFileSync(join(folder, 'gpu-check.jsonl'), 'utf8')).filter(({ ok }) => !ok)
  expect(lines.allOk).toBe(failed.length === 0)
  return failed.map(({ name, ...line }) => `${name}: ${'error' in line ? String(line.error) : 'not ok'}`)
}

it('accepts equal bits, and roundings that differ within what is allowed', () => {
  expect(failures([exact, { ...close, error: 9e-8 }])).toEqual([])
})

it('finds bits that differ, a wrapper that missed its own formula, and one that was not reported', () => {
  expect(failures([{ ...exact, hash: 'cd' }, close])).toEqual([
    "ldmatrix: the bits are cd, the emulator's ab",
  ])
  expect(failures([exact, { ...close, error: 1, ok: false }])).toEqual(['exp2: not ok'])
  expect(failures([exact])).toEqual(['exp2: not reported by the device'])
  expect(failures([exact, close], [exact])).toEqual(['exp2: not in the golden file'])
  expect(failures([], [])).toHaveLength(1)
})
