import type { Lab } from './lab.js'
import type { Random } from './random.js'

/** What one case has to work with. */
export interface Bench {
  readonly lab: Lab
  readonly random: Random
  /** An empty folder of its own. */
  readonly folder: string
}

export interface Finding {
  /** What did not come out as it must; empty when the case holds. */
  readonly problems: readonly string[]
  /** How often the run was killed, stopped, starved or damaged. */
  readonly interruptions: number
  /** Set when this host cannot do the case: why. */
  readonly skipped?: string
}

export interface Case {
  /** `part/what`. */
  readonly name: string
  readonly run: (bench: Bench) => Promise<Finding>
}

export interface Part {
  readonly name: string
  /** What is done to the runs, for the table. */
  readonly title: string
  /** @param runs how thoroughly: the number of runs killed at random moments */
  readonly cases: (runs: number) => readonly Case[]
}

export function skipped(reason: string): Finding {
  return { problems: [], interruptions: 0, skipped: reason }
}
