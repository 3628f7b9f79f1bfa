import { Contender, type Patience, type Program } from './contender.js'
import { foreignCores, readTicks, untilIdle } from './foreign-load.js'
import type { Finish } from './protocol.js'

export interface Entrant {
  readonly name: string
  readonly program: Program
}

/** All that a contender did in a race, or why it did not. */
export interface Samples {
  readonly name: string
  /** Of one run, a value a round. */
  readonly seconds: number[]
  /** What it computed, from the first warm-up on. */
  readonly values: number[]
  versions?: Readonly<Record<string, string>>
  memory?: Finish
  skipped?: string
}

interface Lane {
  readonly entrant: Entrant
  readonly samples: Samples
  contender?: Contender
}

export interface Race {
  readonly contenders: readonly Samples[]
  /** How many cores other processes kept busy during the rounds; undefined where the system does not say, or one failed. */
  readonly foreignCores?: number
}

/**
 * Lets the entrants prepare one after another, then take their turns in the same order, round by round, so that whatever
 * disturbs the machine disturbs all of them. The first entrant writes what the others read. One that fails is out of the
 * race with its reason; without the first there is none.
 */
export async function race(
  entrants: readonly Entrant[],
  rounds: number,
  patience: Patience,
  progress: (what: string) => void = () => undefined,
): Promise<Race> {
  const lanes: Lane[] = entrants.map((entrant) => ({
    entrant,
    samples: { name: entrant.name, seconds: [], values: [] },
  }))
  /** Does `work` for every lane still in the race. */
  const each = async (work: (lane: Lane) => Promise<void>) => {
    for (const lane of lanes) {
      if (lane.samples.skipped !== undefined) continue
      try {
        await work(lane)
      } catch (error) {
        lane.samples.skipped = error instanceof Error ? error.message : String(error)
        lane.contender?.kill()
      }
    }
  }
  try {
    await each(async (lane) => {
      if (lanes[0]!.samples.skipped !== undefined) throw new Error(`${lanes[0]!.entrant.name} did not start`)
      progress(`${lane.entrant.name} prepares`)
      const { contender, ready } = await Contender.start(lane.entrant.program, patience)
      lane.contender = contender
      lane.samples.versions = ready.versions
      lane.samples.values.push(...ready.values)
    })
    const pids = () => lanes.flatMap(({ contender }) => contender?.pid ?? [])
    const running = () => readTicks(pids())
    const before = running()
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`)
      await each(async ({ contender, samples }) => {
        await untilIdle(pids())
        const { seconds, value } = await contender!.turn()
        samples.seconds.push(seconds)
        if (value !== null) samples.values.push(value)
      })
    }
    const after = running()
    await each(async ({ contender, samples }) => {
      samples.memory = await contender!.finish()
    })
    return {
      contenders: lanes.map(({ samples }) => samples),
      ...(before && after && { foreignCores: foreignCores(before, after) }),
    }
  } finally {
    for (const { contender } of lanes) contender?.kill()
  }
}
