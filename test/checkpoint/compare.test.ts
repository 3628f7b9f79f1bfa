import { expect, test } from 'vitest'
import { listDifferences, requireSameRun } from '../../lib/checkpoint/compare.js'
import type { RunIdentity } from '../../lib/checkpoint/manifest.js'

const saved: RunIdentity = {
  config: {
    seed: 1,
    out: 'runs/a',
    threads: 2,
    model: { width: 256 },
    stages: [{ steps: 10 }, { steps: 5 }],
  },
  tokenizer: 'abc',
  data: 'def',
}

test('the same run has no differences, whatever the order of its keys', () => {
  const { seed, ...rest } = saved.config as Record<string, unknown>
  const same = { data: 'def', tokenizer: 'abc', config: { ...rest, seed, name: undefined } }
  expect(listDifferences(saved, same)).toEqual([])
  expect(() => requireSameRun(saved, same)).not.toThrow()
})

test('every difference is listed by path with both values', () => {
  const current: RunIdentity = {
    config: { out: 'runs/a', threads: 2, model: { width: 512 }, stages: [{ steps: 10 }], extra: true },
    tokenizer: 'xyz',
    data: 'def',
  }
  expect(listDifferences(saved, current)).toEqual([
    { path: 'config.seed', saved: '1', current: 'nothing' },
    { path: 'config.model.width', saved: '256', current: '512' },
    { path: 'config.stages.1', saved: '{"steps":5}', current: 'nothing' },
    { path: 'config.extra', saved: 'nothing', current: 'true' },
    { path: 'tokenizer', saved: '"abc"', current: '"xyz"' },
  ])
  const check = () => requireSameRun(saved, current)
  expect(check).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT_MISMATCH' }))
  expect(check).toThrow(/config\.model\.width: checkpoint 256, now 512/)
})

test('where a run writes and what it runs on may change', () => {
  const moved = { ...saved, config: { ...saved.config, out: 'elsewhere', threads: 8 } }
  expect(() => requireSameRun(saved, moved)).not.toThrow()
})

test('a difference is accepted when it is allowed by name, and only then', () => {
  const longer = { ...saved, config: { ...saved.config, stages: [{ steps: 10 }, { steps: 50 }] } }
  expect(() => requireSameRun(saved, longer, ['config.stages'])).not.toThrow()
  expect(() => requireSameRun(saved, longer, ['config.stages.1.steps'])).not.toThrow()
  expect(() => requireSameRun(saved, longer, ['config.stage', 'config.stages.0'])).toThrow(/stages\.1\.steps/)
})
