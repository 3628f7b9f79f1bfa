import { mostOfOthers } from '../others.js'
import { keyOf, timingOf, type Report, type Row, type Speeds } from '../report.js'
import { median } from '../statistics.js'
import { agreed, judge, type Rounds, type Verdict } from './verdict.js'

export interface RowComparison {
  readonly row: Row
  /** Median seconds, as measured. */
  readonly before: number
  readonly after: number
  /** After over before as if the machine had been as fast both times, and its interval. */
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly verdict: Verdict
}

export interface Comparison {
  readonly rows: readonly RowComparison[]
  /** How many rows only one of the reports has. */
  readonly onlyBefore: number
  readonly onlyAfter: number
  /** The rounds of each report that were not judged by, because of other processes, and how many there were. */
  readonly disturbed: readonly (readonly [disturbed: number, of: number])[]
  /** New over old, by threads: what the machine itself did meanwhile. */
  readonly ceilings: readonly {
    readonly threads: number
    readonly clock: number
    readonly bandwidth: number
  }[]
}

/** @throws {Error} when the two do not come from one kind of machine, or have no row in common */
export function compareReports(before: Report, after: Report): Comparison {
  requireSameMachine(before, after)
  const old = new Map(before.rows.map((row) => [keyOf(row), row]))
  const rows = after.rows.flatMap((row) => {
    const earlier = old.get(keyOf(row))
    return earlier ? [compareRow(before, earlier, after, row)] : []
  })
  if (rows.length === 0)
    throw new Error(
      `the reports have no row in common: the old one has ${before.rows.length} rows for ${threadsOf(before)}, ` +
        `the new one ${after.rows.length} for ${threadsOf(after)}. Measure the same rows with the same --threads.`,
    )
  return {
    rows,
    onlyBefore: before.rows.length - rows.length,
    onlyAfter: after.rows.length - rows.length,
    disturbed: [before, after].map(({ others }) => [
      others.filter((share) => share > mostOfOthers).length,
      others.length,
    ]),
    ceilings: after.ceilings.flatMap(({ threads }) => {
      const [a, b] = [roundsOf(before, threads), roundsOf(after, threads)]
      if (!before.ceilings.some((ceiling) => ceiling.threads === threads)) return []
      const change = (key: keyof Speeds) => median(b.map((s) => s[key])) / median(a.map((s) => s[key]))
      return [{ threads, clock: change('flopsPerSecond'), bandwidth: change('bytesPerSecond') }]
    }),
  }
}

/** @throws {Error} that names what differs: times of two machines are no comparison of two versions */
export function requireSameMachine(
  before: Pick<Report, 'machine' | 'level'>,
  after: Pick<Report, 'machine' | 'level'>,
): void {
  const of = ({ machine, level }: typeof before) => ({
    CPU: machine.cpu,
    cores: machine.cores,
    'CPU level': level,
  })
  const [old, now] = [of(before), of(after)]
  for (const key of ['CPU', 'cores', 'CPU level'] as const)
    if (old[key] !== now[key])
      throw new Error(
        `the old report is of another machine: ${key} '${old[key]}', here '${now[key]}'. Measure both versions on one machine.`,
      )
}

function compareRow(before: Report, old: Row, after: Report, now: Row): RowComparison {
  const judged = speedsOf(old.follows).map((speed) => {
    const [was, is] = [atEqualSpeed(before, old, speed), atEqualSpeed(after, now, speed)]
    const [calmWas, calmIs] = [calm(before, was), calm(after, is)]
    if (calmWas.length > 0 && calmIs.length > 0) return judge(calmWas, calmIs)
    return { ...judge(was, is), verdict: 'noisy' as const }
  })
  const [shown] = judged
  return {
    row: now,
    before: timingOf(old).seconds,
    after: timingOf(now).seconds,
    ratio: shown!.ratio,
    low: Math.min(...judged.map(({ low }) => low)),
    high: Math.max(...judged.map(({ high }) => high)),
    verdict: agreed(judged.map(({ verdict }) => verdict)),
  }
}

/** The rounds in which others left the machine alone. */
function calm({ others }: Report, rounds: Rounds): Rounds {
  return rounds.filter((_, round) => (others[round] ?? 0) <= mostOfOthers)
}

type MachineSpeed = 'flopsPerSecond' | 'bytesPerSecond' | undefined

/**
 * What may excuse a row when the machine is slower today. A memory-bound row that stays in a cache follows the clock and not the
 * memory, so it is judged both ways.
 */
function speedsOf(follows: Row['follows']): MachineSpeed[] {
  if (follows === 'disk') return [undefined]
  return follows === 'memory' ? ['bytesPerSecond', 'flopsPerSecond'] : ['flopsPerSecond']
}

/** Seconds times the machine's speed of the same round. The noise of the ceilings thereby becomes the row's. */
function atEqualSpeed(report: Report, row: Row, speed: MachineSpeed): Rounds {
  if (speed === undefined) return row.rounds
  const speeds = roundsOf(report, row.threads).map((round) => round[speed])
  if (speeds.length === 0) return row.rounds
  return row.rounds.map((seconds, round) => seconds.map((s) => s * (speeds[round] ?? speeds.at(-1)!)))
}

function roundsOf({ ceilings }: Report, threads: number | null): readonly Speeds[] {
  return (ceilings.find((ceiling) => ceiling.threads === threads) ?? ceilings[0])?.rounds ?? []
}

const threadsOf = ({ ceilings }: Report) => `${ceilings.map(({ threads }) => threads).join(' and ')} threads`
