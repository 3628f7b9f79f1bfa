import { describe, expect, it } from 'vitest'
import { linearAxis, tickLabels } from '../../lib/report/axis.js'
import { lossPicture } from '../../lib/report/loss-picture.js'
import { lossSeries } from '../../lib/report/loss-series.js'
import { requireWellFormed } from '../helpers/well-formed.js'
import { stepEvent, wholeRun } from './events.js'

describe('the loss picture', () => {
  it('is well-formed, has both axes, and marks the switch in both panels', () => {
    const svg = lossPicture([{ label: 'run', events: wholeRun() }], 'made-up')
    requireWellFormed(svg)
    expect(svg).toContain('text read (thousand tokens)')
    expect(svg).toContain('compute spent (GFLOP)')
    expect(svg.match(/K = 4 → 1/g)).toHaveLength(2)
    expect(svg.match(/<circle/g)).toHaveLength(2 * 3 + 1)
    expect(svg).not.toContain('NaN')
  })

  it('escapes what users name', () => {
    const svg = lossPicture(
      [
        { label: 'a', events: wholeRun() },
        { label: '<b> & "c"', events: wholeRun() },
      ],
      '<t>\u0001',
    )
    requireWellFormed(svg)
    expect(svg).toContain('&lt;b&gt; &amp; &quot;c&quot;')
  })

  it.each([
    ['no events', []],
    ['one step', [stepEvent(1)]],
    ['a diverged run', [stepEvent(1), { ...stepEvent(2), loss: Infinity }, { ...stepEvent(3), loss: NaN }]],
  ])('of %s is drawn without numbers that are none', (_, events) => {
    const svg = lossPicture([{ label: 'a', events }], 't')
    requireWellFormed(svg)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })
})

describe('the curves', () => {
  it('never average across a switch of stages', () => {
    const { stages, validation } = lossSeries(wholeRun(), 7)
    expect(stages.map((stage) => stage.patchSize)).toEqual([4, 1])
    expect(stages[0]!.points.length).toBeLessThanOrEqual(7)
    expect(Math.max(...stages[0]!.points.map((point) => point.tokens))).toBeLessThanOrEqual(60 * 4096)
    expect(validation.map((piece) => piece.length)).toEqual([2, 1])
  })

  it('keep the mean of their steps, between the lowest and the highest', () => {
    const { stages } = lossSeries([1, 2, 3, 4].map(stepEvent), 2)
    const [first] = stages[0]!.points
    expect(first).toMatchObject({ low: stepEvent(2).loss, high: stepEvent(1).loss })
    expect(first!.loss).toBeCloseTo((stepEvent(1).loss + stepEvent(2).loss) / 2, 12)
  })
})

describe('an axis', () => {
  it('has ticks at 1, 2 or 5 times a power of ten', () => {
    expect(linearAxis([0, 10], [0, 100], 5, false).ticks).toEqual([0, 2, 4, 6, 8, 10])
    const axis = linearAxis([1.53, 4.3], [0, 1], 6, true)
    expect(axis.domain[0]).toBeCloseTo(1.5, 12)
    expect(axis.domain[1]).toBeCloseTo(4.5, 12)
  })

  it('labels them with as many decimals as they need', () => {
    expect(tickLabels([0, 0.05, 0.1], 1)).toEqual(['0.00', '0.05', '0.10'])
    expect(tickLabels([0, 2e6, 4e6], 1e6)).toEqual(['0', '2', '4'])
  })

  it('over a single value still has a width', () => {
    expect(Number.isFinite(linearAxis([2, 2], [0, 1], 5, true).at(2))).toBe(true)
    expect(Number.isFinite(linearAxis([0, 0], [0, 1], 5, true).at(0))).toBe(true)
  })
})
