// The rule of `npm run bench -- --compare`, on samples whose truth is known.
import { describe, expect, it } from 'vitest'
import { compareReports, requireSameMachine } from '../../bench/compare/compare.js'
import { comparisonText } from '../../bench/compare/text.js'
import { judge, type Rounds, type Verdict } from '../../bench/compare/verdict.js'
import { medianInterval } from '../../bench/statistics.js'
import { normals, uniforms } from '../helpers/random-data.js'
import { opRow, report, speeds } from './synthetic-report.js'

/** Samples around `center`; `noise` and `luck`, which the samples of one round share, are relative to it. */
function samples(
  seed: number,
  { center = 1, noise = 0.02, luck = 0, rounds = 5, runs = 4 } = {},
): number[][] {
  const drawn = normals(rounds * (1 + runs), seed)
  return Array.from({ length: rounds }, (_, round) => {
    const [shared, ...own] = drawn.subarray(round * (1 + runs), (round + 1) * (1 + runs))
    return own.map((z) => center * (1 + luck * shared!) * (1 + noise * z))
  })
}

/** How often each verdict falls over `trials` pairs of runs. */
function tally(pair: (seed: number) => [Rounds, Rounds], trials = 500): Record<Verdict, number> {
  const counts = { faster: 0, slower: 0, same: 0, noisy: 0 }
  for (let seed = 0; seed < trials; seed++) counts[judge(...pair(7919 * seed + 1)).verdict] += 1 / trials
  return counts
}

describe('the interval of a median', () => {
  it('holds the median of 95 in 100 samples, whatever their distribution', () => {
    let held = 0
    const trials = 2000
    for (let seed = 0; seed < trials; seed++) {
      const next = uniforms(seed)
      const skewed = Array.from({ length: 25 }, () => -Math.log(1 - next())) // its median is ln 2
      const { low, high } = medianInterval([skewed])
      if (low <= Math.LN2 && Math.LN2 <= high) held++
    }
    expect(held / trials).toBeGreaterThan(0.945)
    expect(held / trials).toBeLessThan(0.985)
  })

  it('holds the median of every round', () => {
    const calm = Array.from({ length: 40 }, (_, i) => 1 + i / 1000)
    const { low, high } = medianInterval([calm, calm, [2, 2, 2]])
    expect(low).toBeLessThan(1.02)
    expect(high).toBeGreaterThanOrEqual(2)
  })
})

describe('a verdict', () => {
  it('finds no change where there is none', () => {
    const { faster, slower, same } = tally((seed) => [samples(seed), samples(seed + 1)])
    expect(faster + slower).toBeLessThan(0.01)
    expect(same).toBeGreaterThan(0.8)
  })

  it('finds 5 % behind noise of 2 %', () => {
    expect(tally((seed) => [samples(seed), samples(seed + 1, { center: 1.05 })]).slower).toBeGreaterThan(0.9)
    expect(tally((seed) => [samples(seed, { center: 1.05 }), samples(seed + 1)]).faster).toBeGreaterThan(0.9)
  })

  it('calls 2 % the same even without noise', () => {
    expect(judge(samples(1, { noise: 1e-4 }), samples(2, { noise: 1e-4, center: 1.02 })).verdict).toBe('same')
  })

  it('says noisy where the noise could hide a change', () => {
    const { faster, slower, same, noisy } = tally((seed) => [
      samples(seed),
      samples(seed + 1, { noise: 0.2 }),
    ])
    expect(noisy).toBeGreaterThan(0.9)
    expect(faster + slower + same).toBeLessThan(0.1)
  })

  it.each([3, 4, 5, 8])('does not take the luck of %i rounds for a change', (rounds) => {
    const lucky = { luck: 0.1, noise: 0.005, runs: 40, rounds }
    const { faster, slower } = tally((seed) => [samples(seed, lucky), samples(seed + 1, lucky)])
    expect(faster + slower).toBeLessThan(0.015)
  })

  it('does not take one disturbed round for a change, nor call it the same', () => {
    const calm = { noise: 0.005 }
    const disturbed = samples(2, calm).map((round, i) => (i === 1 ? round.map((s) => 1.5 * s) : round))
    expect(judge(samples(1, calm), disturbed).verdict).toBe('noisy')
  })

  it('is not given by few runs or rounds', () => {
    const [ones, twos] = [
      [1, 1],
      [2, 2],
    ]
    expect(judge([ones, ones, ones], [twos, twos, twos]).verdict).toBe('slower')
    expect(judge([ones, ones, ones], [twos, twos, [2]]).verdict).toBe('noisy')
    expect(judge([ones, ones, ones], [[...twos, ...twos, ...twos]]).verdict).toBe('noisy')
  })
})

describe('two reports', () => {
  const compute = (center: number, seed: number) => opRow({ rounds: samples(seed, { center }) })
  const memory = (center: number, seed: number) =>
    opRow({ name: 'copy', sizes: 'n 100', follows: 'memory', rounds: samples(seed, { center }) })
  const allRounds = (clock: number, bandwidth: number) =>
    Array<typeof speeds>(5).fill({
      flopsPerSecond: clock * speeds.flopsPerSecond,
      bytesPerSecond: bandwidth * speeds.bytesPerSecond,
      gemmFlopsPerSecond: clock * speeds.gemmFlopsPerSecond,
    })
  const before = report([compute(1, 1), memory(1, 2)], allRounds(1, 1))
  const verdicts = (...after: Parameters<typeof report>) =>
    compareReports(before, report(...after)).rows.map(({ verdict }) => verdict)

  it('a machine that is a fifth slower is nobody’s regression', () => {
    expect(verdicts([compute(1.25, 3), memory(1.25, 4)], allRounds(0.8, 0.8))).toEqual(['same', 'same'])
  })

  it('… and hides none', () => {
    expect(verdicts([compute(1.35, 3), memory(1.35, 4)], allRounds(0.8, 0.8))).toEqual(['slower', 'slower'])
    expect(verdicts([compute(1, 3), memory(1, 4)], allRounds(1.25, 1.25))).toEqual(['slower', 'slower'])
  })

  it('a slow memory excuses no product, and a row that may live in a cache is not judged by it', () => {
    expect(verdicts([compute(1.2, 3), memory(1, 4)], allRounds(1, 0.8))).toEqual(['slower', 'noisy'])
  })

  it('rows are matched by name, sizes and threads; others are counted', () => {
    const other = opRow({ threads: 2, rounds: samples(5) })
    const found = compareReports(before, report([compute(1, 3), other], allRounds(1, 1)))
    expect(found.rows.map(({ row }) => row.name)).toEqual(['gemm'])
    expect(found).toMatchObject({ onlyBefore: 1, onlyAfter: 1 })
    const text = comparisonText(found)
    expect(text).toContain(
      '0 slower, 0 faster, 0 noisy, 1 same, 1 only in the old report, 1 only in the new one',
    )
    expect(text).toMatch(/^same {5}ops gemm head y 512×512×256 +1 /m)
  })

  it('puts what changed first', () => {
    const text = comparisonText(
      compareReports(before, report([compute(1, 3), memory(1.2, 4)], allRounds(1, 1))),
    )
    expect(text.indexOf('slower')).toBeGreaterThan(0)
    expect(text.indexOf('slower')).toBeLessThan(text.indexOf('same '))
  })

  it('a round in which others computed is not judged by', () => {
    const rounds = samples(3).map((round, i) => (i === 4 ? round.map((s) => 2 * s) : round))
    const disturbed = (...others: number[]) =>
      compareReports(before, report([opRow({ rounds })], allRounds(1, 1), { others }))
    expect(disturbed(0, 0, 0, 0, 0).rows[0]!.verdict).toBe('noisy')
    expect(disturbed(0, 0, 0, 0, 0.5).rows[0]!.verdict).toBe('same')
  })

  it('a run in which others computed throughout judges nothing', () => {
    const slow = report([compute(2, 3)], allRounds(1, 1), { others: Array<number>(5).fill(0.5) })
    const throughout = compareReports(before, slow)
    expect(throughout.rows[0]!.verdict).toBe('noisy')
    expect(comparisonText(throughout)).toContain('5 of the 5 rounds of the new report are not judged by')
  })

  it('of different machines, levels or rows are refused', () => {
    const elsewhere = report([compute(1, 1)], allRounds(1, 1), {
      machine: { ...before.machine, cpu: 'Another CPU' },
    })
    expect(() => compareReports(before, elsewhere)).toThrow("CPU 'Some CPU', here 'Another CPU'")
    expect(() => requireSameMachine(before, { ...before, level: 'avx512' })).toThrow("CPU level 'avx2'")
    const twoThreads = report([opRow({ threads: 2 })])
    expect(() => compareReports(before, twoThreads)).toThrow(/no row in common.*1 threads.*2 threads/)
  })
})
