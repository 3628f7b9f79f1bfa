import { describe, expect, it } from 'vitest'
import { defaults } from '../../lib/config/resolve.js'
import type { HealthAction, HealthConfig } from '../../lib/config/types.js'
import {
  countIncident,
  deviations,
  forgetStatistics,
  freshHealth,
  judge,
  limitsFor,
  observe,
  rolledBack,
  type HealthState,
  type Outcome,
} from '../../lib/train/health.js'
import { normals } from '../helpers/random-data.js'

const health = (changes: Partial<HealthConfig> = {}): HealthConfig => ({
  ...defaults.health,
  window: 2,
  ...changes,
})

/** After steps with these losses, and norms twice as large. */
function after(losses: Iterable<number>, window: number): HealthState {
  let state = freshHealth
  for (const loss of losses) state = observe(state, { loss, gradientNorm: 2 * loss }, window)
  return state
}

/** Two steps with the losses 1 and 3: mean 2, σ 1; norms 2 and 6: mean 4, σ 2. At six deviations: 8 and 16. */
const seen = after([1, 3], 2)
const above8 = 8 + 2 ** -49 // the next double
const above16 = 16 + 2 ** -48

describe('the statistics', () => {
  const window = 50
  const values = normals(1000, 1).map((value) => value + 3)

  it.each([1, 2, 49, 50, 51, 1000])('of %i values are mean and variance with their weights', (n) => {
    const decay = 1 - 1 / window
    const early = Math.min(n, window)
    const weights = Array.from({ length: n }, (_, i) =>
      i < early ? decay ** (n - early) / early : decay ** (n - 1 - i) / window,
    )
    const mean = weights.reduce((sum, weight, i) => sum + weight * values[i]!, 0)
    const variance = weights.reduce((sum, weight, i) => sum + weight * (values[i]! - mean) ** 2, 0)

    const { loss, gradientNorm } = after(values.subarray(0, n), window)
    const allowed = 8 * n * 2 ** -53 // roundings of an update, times updates
    expect(loss.count).toBe(n)
    expect(Math.abs(loss.mean - mean)).toBeLessThanOrEqual(allowed * mean)
    expect(Math.abs(loss.variance - variance)).toBeLessThanOrEqual(allowed * mean ** 2)
    expect(gradientNorm).toEqual({ count: n, mean: 2 * loss.mean, variance: 4 * loss.variance })
  })

  it('go on from what a file holds of them with the same bits', () => {
    const half = after(values.subarray(0, 500), window)
    const restored = JSON.parse(JSON.stringify(half)) as HealthState
    const goOn = (state: HealthState) =>
      values.subarray(500).reduce((s, loss) => observe(s, { loss, gradientNorm: loss }, window), state)
    expect(goOn(restored)).toEqual(goOn(half))
  })

  it('begin anew with a stage, which gives no budget back', () => {
    const state = forgetStatistics(countIncident(seen, 'skip'))
    expect(state).toEqual({ ...freshHealth, incidents: 1, spent: 1 })
  })

  it('are those of the step that a run went back to, which gives no budget back', () => {
    const now = countIncident(after([1, 3, 5, 7], 2), 'rollback')
    expect(rolledBack(now, seen)).toEqual({ ...seen, incidents: 1, spent: 1 })
  })
})

describe('deviations', () => {
  it('are standard deviations above the mean', () => {
    expect(deviations(seen.loss, 2, 2)).toBe(0)
    expect(deviations(seen.loss, 9, 2)).toBe(7)
    expect(deviations(seen.loss, 0, 2)).toBe(-2)
  })

  it('are unknown before as many values as the window has, and of what is not finite', () => {
    expect(deviations(after([1, 3], 3).loss, 100, 3)).toBeNull()
    for (const value of [NaN, Infinity, -Infinity]) expect(deviations(seen.loss, value, 2)).toBeNull()
  })

  it('are measured in roundings to fp32 where all values were equal', () => {
    const equal = after([4, 4], 2).loss
    expect(deviations(equal, 4, 2)).toBe(0)
    expect(deviations(equal, 4 + 2 ** -20, 2)).toBe(4)
    expect(deviations(equal, 8, 2)).toBe(2 ** 24)
  })

  it('are unknown where all values were 0: nothing tells how much is much', () => {
    expect(deviations(after([0, 0], 2).loss, 1e-9, 2)).toBeNull()
  })
})

describe('the limits of the next step', () => {
  it.each(['skip', 'rollback', 'stop'] as const)('are so many deviations above the mean for %s', (spike) => {
    expect(limitsFor(seen, health({ spike }))).toEqual({ loss: 8, gradientNorm: 16 })
    expect(limitsFor(seen, health({ spike, spikeDeviations: 2.5 }))).toEqual({ loss: 4.5, gradientNorm: 9 })
  })

  it.each([
    ['spikes are only recorded', seen, health({ spike: 'record' })],
    ['fewer steps were seen than the window has', seen, health({ spike: 'skip', window: 3 })],
    ['a stage has just begun', forgetStatistics(seen), health({ spike: 'skip' })],
    ['all values were 0', after([0, 0], 2), health({ spike: 'skip' })],
  ])('are none where %s', (_, state, config) => {
    expect(limitsFor(state, config)).toEqual({ loss: Infinity, gradientNorm: Infinity })
  })
})

describe('the verdict', () => {
  const good: Outcome = { loss: 2, gradientNorm: 4, applied: true }
  const verdictOf = (outcome: Partial<Outcome>, changes: Partial<HealthConfig>, state = seen) => {
    const verdict = judge(state, health(changes), { ...good, ...outcome })
    return verdict && `${verdict.finding}: ${verdict.action}`
  }

  it.each<[string, Partial<Outcome>, HealthAction, string | undefined]>([
    ['a step like others', {}, 'record', undefined],
    ['values at their limits', { loss: 8, gradientNorm: 16 }, 'record', undefined],
    ['a loss just above', { loss: above8 }, 'record', 'spike: record'],
    ['a norm just above', { gradientNorm: above16 }, 'record', 'spike: record'],
    ['values far below the mean', { loss: -100, gradientNorm: 0 }, 'record', undefined],
    // Where spikes are left out, what the device did is what counts.
    ['a step like others', {}, 'skip', undefined],
    ['what the device left out', { loss: above8, applied: false }, 'skip', 'spike: skip'],
    ['what the device left out', { loss: above8, applied: false }, 'rollback', 'spike: rollback'],
    ['what the device left out', { gradientNorm: above16, applied: false }, 'stop', 'spike: stop'],
    ['a loss that the device let pass', { loss: above8 }, 'skip', undefined],
  ])('on %s (%o, %s) is %s', (_, outcome, spike, expected) => {
    expect(verdictOf(outcome, { spike })).toBe(expected)
  })

  it.each<[Partial<Outcome>]>([
    [{ loss: NaN, applied: false }],
    [{ loss: Infinity, applied: false }],
    [{ loss: -Infinity, applied: false }],
    [{ gradientNorm: NaN, applied: false }],
    [{ gradientNorm: Infinity, applied: false }],
    [{ loss: NaN, gradientNorm: NaN, applied: false }],
  ])('on %o is what nonFinite says, whatever spike says', (outcome) => {
    for (const nonFinite of ['stop', 'skip', 'rollback'] as const)
      for (const spike of ['record', 'skip', 'rollback', 'stop'] as const)
        for (const state of [seen, freshHealth])
          expect(verdictOf(outcome, { nonFinite, spike }, state)).toBe(`non-finite: ${nonFinite}`)
  })

  const spentOf = (spent: number): HealthState => ({ ...seen, incidents: 20, spent })
  const nan = { loss: NaN, applied: false }
  const spiked = { loss: 9, applied: false }

  it.each<[HealthAction, number, number, HealthAction]>([
    ['skip', 0, 10, 'skip'],
    ['skip', 9, 10, 'skip'],
    ['skip', 10, 10, 'stop'],
    ['rollback', 9, 10, 'rollback'],
    ['rollback', 10, 10, 'stop'],
    ['skip', 0, 0, 'stop'],
    ['stop', 0, 10, 'stop'],
  ])('%s after %i of %i in the budget is %s', (wanted, spent, budget, expected) => {
    expect(verdictOf(spiked, { spike: wanted, budget }, spentOf(spent))).toBe(`spike: ${expected}`)
    if (wanted !== 'record')
      expect(verdictOf(nan, { nonFinite: wanted, budget }, spentOf(spent))).toBe(`non-finite: ${expected}`)
  })

  it('record costs nothing and never stops', () => {
    expect(verdictOf({ loss: 9 }, { spike: 'record', budget: 0 }, spentOf(0))).toBe('spike: record')
    expect(countIncident(seen, 'record')).toEqual({ ...seen, incidents: 1 })
    expect(countIncident(seen, 'stop')).toEqual({ ...seen, incidents: 1 })
    expect(countIncident(seen, 'skip')).toEqual({ ...seen, incidents: 1, spent: 1 })
  })

  it('tells how far off loss and norm were, and null of what is not finite', () => {
    expect(judge(seen, health({ spike: 'skip' }), { loss: 9, gradientNorm: 6, applied: false })).toEqual({
      finding: 'spike',
      action: 'skip',
      deviations: { loss: 7, gradientNorm: 1 },
    })
    expect(judge(seen, health(), { loss: NaN, gradientNorm: 6, applied: false })?.deviations).toEqual({
      loss: null,
      gradientNorm: 1,
    })
  })
})
