import { describe, expect, it } from 'vitest'
import { milliseconds } from '../../lib/report/format.js'
import { profileRows } from '../../lib/report/profile-rows.js'
import { floorOf, isUnsteady } from '../../lib/report/profile.js'
import { ceilings, entries, step, stepOfGraphs } from './made-up-profile.js'

describe('the profile of a step', () => {
  it('takes the median of each op and of the step, and the extremes of the step', () => {
    expect(step.steps).toBe(3)
    expect(step.seconds).toEqual({ median: 0.191, least: 0.159, most: 0.2 })
    expect(step.ops.map((op) => op.seconds)).toEqual([0.002, 0.006, 0.035, 0.012, 0.11, 0.006, 0.01])
    expect(step.opSeconds).toBeCloseTo(0.181, 12)
  })

  it('measures what is outside of ops in each step: not from medians of different steps', () => {
    expect(step.outsideSeconds).toBeCloseTo(0.002, 12)
    expect(step.partsSeconds).toBeCloseTo(0.183, 12)
  })

  it('counts cost and floor as often as a step runs the op', () => {
    expect(step.ops[4]).toMatchObject({ runs: 3, flops: 60, bytes: 15 })
    expect(step.ops[4]!.floor.bound).toBe('compute')
    expect(step.ops[4]!.floor.seconds).toBeCloseTo(0.06, 12)
    expect(step.flops).toBe(1 + 2 + 20 + 6 + 60 + 2 + 7)
    expect(step.floorSeconds).toBeCloseTo(0.001 * (2 + 4 + 20 + 12 + 60 + 4 + 9), 12)
  })

  it('a floor is the larger of what compute and memory ask for', () => {
    const asymmetric = { flopsPerSecond: 100, bytesPerSecond: 10 }
    expect(floorOf({ flops: 50, bytes: 2 }, asymmetric)).toEqual({ seconds: 0.5, bound: 'compute' })
    expect(floorOf({ flops: 50, bytes: 20 }, asymmetric)).toEqual({ seconds: 2, bound: 'memory' })
  })

  it('is called unsteady when its parts do not add up to it', () => {
    expect(isUnsteady(step)).toBe(false)
    expect(isUnsteady({ ...step, seconds: { ...step.seconds, median: 0.2 } })).toBe(true)
    expect(isUnsteady(stepOfGraphs)).toBe(false)
  })

  it('never ends before its ops, even if they were timed apart and took longer', () => {
    expect(stepOfGraphs.opsApart).toBe(true)
    expect(stepOfGraphs.outsideSeconds).toBe(0)
    expect(stepOfGraphs.partsSeconds).toBe(stepOfGraphs.opSeconds)
    expect(stepOfGraphs.seconds.median).toBeLessThan(stepOfGraphs.opSeconds)
  })
})

describe('the rows of a profile', () => {
  it('take layers together, and phases, roles and shapes apart', () => {
    const rows = profileRows(step.ops, ceilings, 'kind')
    expect(rows.map(({ phase, op, role, shape, runs }) => [phase, op, role, shape, runs])).toEqual([
      ['forward', 'patch_embedding', '', '2×4', 1],
      ['forward', 'rms_norm', '', '8×4', 4],
      ['forward', 'gemm', 'attention.qkv', '8×6×4', 4],
      ['backward', 'rms_norm', 'recompute', '8×4', 1],
      ['update', 'adamw', '', '50', 1],
    ])
    const product = rows[2]!
    expect(product).toMatchObject({ flops: 80, bytes: 20 })
    expect(product.seconds).toBeCloseTo(0.145, 12)
    expect(product.floor.seconds).toBeCloseTo(0.08, 12)
    expect(product).not.toHaveProperty('layer')
  })

  it('ops of other shapes have rows of their own', () => {
    const wider = step.ops.map((op, i) => (i === 3 ? { ...op, shapes: { x: [8, 5], y: [8, 5] } } : op))
    expect(profileRows(wider, ceilings, 'kind')).toHaveLength(6)
  })

  it('keep layers, or every op, apart when asked', () => {
    expect(profileRows(step.ops, ceilings, 'layer').map(({ layer }) => layer)).toEqual([
      undefined,
      'layers.0',
      'layers.0',
      'layers.1',
      'layers.1',
      'layers.1',
      undefined,
    ])
    const twice = [...step.ops, ...step.ops]
    expect(profileRows(twice, ceilings, 'layer')).toHaveLength(entries.length)
    expect(profileRows(twice, ceilings, 'op')).toHaveLength(2 * entries.length)
  })

  it('lose no time, cost or floor', () => {
    for (const by of ['kind', 'layer', 'op'] as const) {
      const rows = profileRows(step.ops, ceilings, by)
      const total = (of: (row: (typeof rows)[number]) => number) =>
        rows.reduce((sum, row) => sum + of(row), 0)
      expect(total((row) => row.flops)).toBe(step.flops)
      expect(total((row) => row.seconds)).toBeCloseTo(step.opSeconds, 12)
      expect(total((row) => row.floor.seconds)).toBeCloseTo(step.floorSeconds, 12)
    }
  })
})

it('a time has three digits and is no finer than a microsecond', () => {
  expect([12.3456, 0.98765, 0.0123456, 0.00001234, 0.0000123, 1e-8, 0].map(milliseconds)).toEqual([
    '12,346 ms',
    '988 ms',
    '12.3 ms',
    '0.012 ms',
    '0.012 ms',
    '<0.001 ms',
    '0 ms',
  ])
})
