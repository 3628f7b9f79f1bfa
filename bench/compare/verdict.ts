// When a difference between two runs of the benchmark is one. bench/README.md says it in words.
import { leastForInterval, medianInterval } from '../statistics.js'

export type Verdict = 'faster' | 'slower' | 'same' | 'noisy'

/** New over old: below 1 is faster. */
export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly verdict: Verdict
}

export type Rounds = readonly (readonly number[])[]

/** Less is called the same, whatever the samples say: two runs of one build differ by as much. */
export const leastChange = 0.03

/** A row whose interval is wider to either side could hide a change that matters. */
const widestNoise = 0.05

/** Two runs of one row. A change counts when the intervals of the two medians lie apart. */
export function judge(before: Rounds, after: Rounds): Ratio {
  const [old, now] = [medianInterval(before), medianInterval(after)]
  const ratio = now.median / old.median
  const low = now.low / old.high
  const high = now.high / old.low
  const enough = [before, after].every(
    (rounds) => rounds.length >= leastForInterval.rounds && rounds.flat().length >= leastForInterval.values,
  )
  return { ratio, low, high, verdict: enough ? verdictOf(ratio, low, high) : 'noisy' }
}

function verdictOf(ratio: number, low: number, high: number): Verdict {
  if (low > 1 && ratio > 1 + leastChange) return 'slower'
  if (high < 1 && ratio < 1 / (1 + leastChange)) return 'faster'
  return high > ratio * (1 + widestNoise) || low < ratio * (1 - widestNoise) ? 'noisy' : 'same'
}

/** What both ways of accounting for the machine say; where they differ nobody knows. */
export function agreed(verdicts: readonly Verdict[]): Verdict {
  return verdicts.every((verdict) => verdict === verdicts[0]) ? verdicts[0]! : 'noisy'
}
