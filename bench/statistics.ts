/** What a row shows of its runs. */
export interface Timing {
  /** The median run. */
  seconds: number
  /** The shortest run: what to compare on a busy machine. */
  best: number
  /** The middle half of all runs, relative to the median. */
  spread: number
  runs: number
}

export function summary(seconds: readonly number[]): Timing {
  const sorted = [...seconds].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { seconds: at(0.5), best: at(0), spread: (at(0.75) - at(0.25)) / at(0.5), runs: sorted.length }
}

export const median = (values: readonly number[]) => summary(values).seconds

/** A median and where the true one lies with 95 % confidence. */
export interface MedianInterval {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** Fewer say nothing at 95 %: even the whole range of five values holds the median less often than that. */
export const leastForInterval = { values: 6, rounds: 3 }

/**
 * How far the interval reaches beyond the medians of the rounds, in their range, by the number of rounds: t / (d₂·√rounds) − ½, with
 * Student's t at 95 % and d₂ the expected range of that many normal values. One round tells nothing of others.
 */
const beyondRounds = [0, 0, 7.5, 0.97, 0.27, 0.03]

/**
 * The median of values that were taken in rounds. Values of one round share its luck, where memory happened to lie for one: so
 * the interval holds both that of the order statistics of all values, whatever their distribution, and that of the
 * medians of the rounds.
 */
export function medianInterval(rounds: readonly (readonly number[])[]): MedianInterval {
  const sorted = rounds.flat().sort((a, b) => a - b)
  const outer = outerRank(sorted.length)
  const medians = rounds.filter((round) => round.length > 0).map(median)
  const [least, most] = [Math.min(...medians), Math.max(...medians)]
  const beyond = (beyondRounds[medians.length] ?? 0) * (most - least)
  return {
    median: median(sorted),
    low: Math.max(0, Math.min(sorted[outer]!, least - beyond)),
    high: Math.max(sorted[sorted.length - 1 - outer]!, most + beyond),
  }
}

/** The largest k for which the median lies outside of [k, n − 1 − k] at most one time in twenty. */
function outerRank(n: number): number {
  let probability = 0.5 ** n // of exactly k of n values below the median
  let tail = probability
  let k = 0
  while (k < n / 2 - 1) {
    probability *= (n - k) / (k + 1)
    if (2 * (tail + probability) > 0.05) break
    tail += probability
    k++
  }
  return k
}
