import type { Repetition } from './measure.js'
import type { Row } from './report.js'

/** A row in the making: measured a little in every round, so that a disturbance hits all rows alike. */
export interface Subject {
  readonly group: Row['group']
  readonly name: string
  readonly sizes: string
  readonly threads: number | null
  /** One round. What warms up is not counted. */
  measure(effort: Effort): Promise<void>
  /** Processor time so far of processes that it started. */
  readonly childSeconds: number
  /** After the last round. */
  row(): Row
  /** Idempotent. */
  dispose(): void
}

/** How much is done in one round. */
export interface Effort {
  readonly op: Repetition
  readonly warmUpSteps: number
  readonly steps: number
  /** Of the rows around the step, which take about a tenth of a second to a second each. */
  readonly aroundRuns: number
}

/** The first round warms up three times; later ones fetch the caches back, which a whole step does not notice. */
export function effortOf(round: number, quick: boolean): Effort {
  const warmUp = round === 0 ? 3 : 1
  const op = quick
    ? { warmUpRuns: warmUp, leastRuns: 6, leastSeconds: 0.02, mostRuns: 40 }
    : { warmUpRuns: warmUp, leastRuns: 3, leastSeconds: 0.03, mostRuns: 30 }
  return { op, warmUpSteps: round === 0 ? 3 : 0, steps: quick ? 5 : 2, aroundRuns: quick ? 1 : 2 }
}
