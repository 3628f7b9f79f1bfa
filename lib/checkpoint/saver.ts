import type { ParameterTable } from '../model/parameters.js'
import { saveError } from './files.js'
import type { CheckpointState } from './manifest.js'
import { reach } from './points.js'
import { writeBeside } from './thread.js'
import type { SavedCheckpoint, WriteJob } from './write.js'

export type { SavedCheckpoint } from './write.js'

export interface CheckpointSaverOptions {
  /** Holds the checkpoints of one run; made when missing. */
  readonly folder: string
  /** How many of the newest checkpoints to keep, at least 2. */
  readonly keep: number
  /** Keep those whose step is a multiple of it, too; 0: not. */
  readonly keepEvery: number
}

export interface SaveRequest {
  readonly state: CheckpointState
  /** Layout of every region. */
  readonly table: ParameterTable
  /** `weights`, `m`, `v`, …: each becomes a file of that name. */
  readonly regions: Readonly<Record<string, RegionCopy>>
  /** Step of the best checkpoint so far, which is kept. */
  readonly best: number | undefined
}

/**
 * Asks for a copy of a whole region, all of it before it returns: consecutive pieces, `table.size` elements together.
 * The arrays become the saver's, each with its whole buffer: their memory goes to a thread.
 */
export type RegionCopy = () => Promise<readonly Float32Array[]>

export interface PendingSave {
  readonly step: number
  /** The state is copied: from here on the regions may change in any way. */
  readonly copied: Promise<void>
  /** The checkpoint is safe, and old ones are removed. */
  readonly finished: Promise<SavedCheckpoint>
}

/**
 * Saves checkpoints while training goes on: the state is copied in the order of the device, so that steps may be queued
 * right behind, and the files are written in a thread. While a save is under way it holds a copy of all regions (12 bytes
 * a parameter for weights, m and v).
 */
export class CheckpointSaver {
  readonly #options: CheckpointSaverOptions
  #underWay: number | undefined

  constructor(options: CheckpointSaverOptions) {
    this.#options = options
  }

  /**
   * Begins a save; the copies are asked for before this returns. Both promises reject with a {@link SaveError}, or with
   * the error of the copy where it has its own; nobody need listen to both.
   * @throws {RangeError} when another save is not finished: wait for that first
   */
  begin({ state, table, regions, best }: SaveRequest): PendingSave {
    const { folder, keep, keepEvery } = this.#options
    const { step } = state
    if (this.#underWay !== undefined) {
      throw new RangeError(
        `the save of step ${this.#underWay} is not finished, so step ${step} cannot be saved yet`,
      )
    }
    this.#underWay = step
    // As it is now, like the regions.
    const frozen = JSON.parse(JSON.stringify(state)) as CheckpointState
    const copies = copyRegions(regions, table.size).then((pieces) => {
      reach('after copy')
      return pieces
    })
    const copied = copies.then(
      () => undefined,
      (error: unknown) => {
        throw error instanceof RangeError ? error : saveError(`The checkpoint of step ${step}`, folder, error)
      },
    )
    const write = async () => {
      try {
        await copied
        const { parameters } = table
        const retention = { keep, keepEvery, best }
        const job: WriteJob = { folder, state: frozen, parameters, regions: await copies, retention }
        return await writeBeside(job)
      } finally {
        this.#underWay = undefined
      }
    }
    const finished = write()
    for (const promise of [copied, finished]) promise.catch(() => undefined) // told where it is awaited
    return { step, copied, finished }
  }
}

async function copyRegions(
  regions: SaveRequest['regions'],
  size: number,
): Promise<Record<string, readonly Float32Array[]>> {
  // Not one await before all of them are asked for. A copy that throws at once rejects all the same.
  const copies = Object.entries(regions).map(async ([name, copy]) => {
    const pieces = await copy()
    const elements = pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (elements !== size)
      throw new RangeError(`region ${name} was copied with ${elements} elements of ${size}`)
    return [name, pieces] as const
  })
  return Object.fromEntries(await Promise.all(copies))
}
