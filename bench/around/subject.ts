import { performance } from 'node:perf_hooks'
import type { AroundRow } from '../report.js'
import type { Effort, Subject } from '../subject.js'

/** A row beside the step: what it is, and how one round of it is measured. */
export interface AroundSpec extends Pick<AroundRow, 'name' | 'sizes' | 'follows'> {
  readonly threads?: number
  readonly unit?: NonNullable<AroundRow['amount']>['unit']
  readonly note?: string
  readonly measure: (effort: Effort) => Promise<AroundRound>
}

export interface AroundRound {
  readonly seconds: readonly number[]
  /** How much of the unit one run did. */
  readonly amount?: number
  /** Processor time of processes that the round started. */
  readonly childSeconds?: number
}

export class AroundSubject implements Subject {
  readonly group = 'around'
  readonly name: string
  readonly sizes: string
  readonly threads: number | null
  childSeconds = 0
  readonly #spec: AroundSpec
  readonly #rounds: AroundRound[] = []

  constructor(spec: AroundSpec) {
    this.#spec = spec
    this.name = spec.name
    this.sizes = spec.sizes
    this.threads = spec.threads ?? null
  }

  async measure(effort: Effort): Promise<void> {
    const round = await this.#spec.measure(effort)
    this.#rounds.push(round)
    this.childSeconds += round.childSeconds ?? 0
  }

  row(): AroundRow {
    const { group, name, sizes, threads } = this
    const { follows, unit, note } = this.#spec
    const count = this.#rounds.at(-1)?.amount
    return {
      ...{ group, name, sizes, threads, follows },
      ...(unit && count !== undefined && { amount: { count, unit } }),
      ...(note && { note }),
      rounds: this.#rounds.map(({ seconds }) => seconds),
    }
  }

  dispose(): void {} // what rows share is torn down by who made it
}

/** Seconds of each run of `work`, which says how much it did, after some that are not counted. */
export async function timed(
  runs: number,
  warmUps: number,
  work: () => Promise<number> | number,
): Promise<AroundRound> {
  const seconds: number[] = []
  let amount = 0
  for (let run = -warmUps; run < runs; run++) {
    const start = performance.now()
    amount = await work()
    if (run >= 0) seconds.push((performance.now() - start) / 1000)
  }
  return { seconds, amount }
}
