import type { Samples } from './race.js'

/** A peer whose values differ by more computes something else: nothing it took is worth a comparison. */
export const largestDifference = 1e-3

/** Middle and quartiles. */
export interface Quartiles {
  readonly low: number
  readonly median: number
  readonly high: number
}

export interface Comparison {
  readonly name: string
  /** Undefined when it was skipped. */
  readonly seconds?: Quartiles & { readonly best: number }
  /** Its time over ours, round by round: how many times as fast ours is. Undefined of ours itself, and where either failed. */
  readonly ratio?: Quartiles
  /** Largest relative difference of its values to ours. */
  readonly difference?: number
  /** Why there is no ratio. */
  readonly failure?: string
}

/** Compares every contender with the first, which is ours. */
export function compare(all: readonly Samples[]): Comparison[] {
  const ours = all[0]!
  return all.map((samples) => {
    const { name, skipped } = samples
    if (skipped !== undefined) return { name, failure: `skipped: ${skipped}` }
    const seconds = { ...quartiles(samples.seconds), best: Math.min(...samples.seconds) }
    if (samples === ours) return { name, seconds }
    if (ours.skipped !== undefined) return { name, seconds, failure: 'ours did not finish' }
    const difference = relativeDifference(ours.values, samples.values)
    if (!(difference <= largestDifference))
      return {
        name,
        seconds,
        difference,
        failure: `computes something else: off by ${difference.toExponential(1)}`,
      }
    return {
      name,
      seconds,
      difference,
      ratio: quartiles(samples.seconds.map((s, i) => s / ours.seconds[i]!)),
    }
  })
}

/** Largest |a − b| / |a|; NaN when one has a value that the other lacks, or a value is not finite. */
export function relativeDifference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return NaN
  return a.reduce((largest, x, i) => {
    const difference = x === b[i] ? 0 : Math.abs(x - b[i]!) / Math.abs(x)
    return Number.isFinite(difference) ? Math.max(largest, difference) : NaN
  }, 0)
}

/** Between two samples the quartile lies on the line that joins them. */
export function quartiles(values: readonly number[]): Quartiles {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const below = Math.floor(place)
    const above = Math.min(below + 1, sorted.length - 1)
    return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!)
  }
  return { low: at(0.25), median: at(0.5), high: at(0.75) }
}
