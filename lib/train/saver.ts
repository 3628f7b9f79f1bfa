import { CheckpointSaver, type PendingSave } from '../checkpoint/saver.js'
import { PatchTrainError, SaveError } from '../errors.js'
import type { CheckpointEvent, SaveFailedEvent } from '../events.js'
import { regionSnapshot } from './engine.js'
import { packageVersion } from './run-folder.js'
import { saveProductChoices } from './product-choices.js'
import type { Run } from './run.js'

/**
 * Saves a run while it goes on: the state is copied as it is after the step, the files are written behind its back. One
 * save at a time: a second one waits for the first, and training with it.
 */
export class RunSaver {
  readonly #run: Run
  readonly #saver: CheckpointSaver
  #underWay: Promise<void> | undefined
  #events: (CheckpointEvent | SaveFailedEvent)[] = []

  constructor(run: Run) {
    const { keep, keepEvery } = run.config.checkpoint
    this.#run = run
    this.#saver = new CheckpointSaver({ folder: run.folder.checkpoints, keep, keepEvery })
  }

  /** Returns when the save is under way. What comes of it is among the events later. */
  async begin(): Promise<void> {
    const began = performance.now()
    await this.#underWay
    const { step } = this.#run.progress
    const fail = (error: unknown) => {
      if (!(error instanceof PatchTrainError)) throw error
      this.#events.push({ type: 'save-failed', step, message: error.message })
    }
    let pending: PendingSave
    try {
      await saveProductChoices(this.#run)
      pending = this.#start()
      await pending.copied
    } catch (error) {
      return fail(error)
    }
    const stallSeconds = (performance.now() - began) / 1000
    this.#underWay = pending.finished
      .then(({ path, bytes, warnings }) => {
        const seconds = (performance.now() - began) / 1000
        this.#events.push({ type: 'checkpoint', step, path, bytes, seconds, stallSeconds, warnings })
      })
      .catch(fail)
    this.#underWay.catch(() => undefined) // told where it is awaited
  }

  #start(): PendingSave {
    const { config, engine, progress, health, identity, best } = this.#run
    const { weights, m, v } = engine.state
    return this.#saver.begin({
      state: { ...progress, health, codeVersion: packageVersion(), run: identity },
      table: weights.table,
      regions: {
        weights: () => regionSnapshot(weights),
        m: () => regionSnapshot(m),
        v: () => regionSnapshot(v),
      },
      best: config.checkpoint.keepBest ? best?.step : undefined,
    })
  }

  /** What saves have ended with since the last call. */
  takeEvents(): (CheckpointEvent | SaveFailedEvent)[] {
    return this.#events.splice(0)
  }

  /** Waits for the save under way, if there is one. */
  async settled(): Promise<void> {
    await this.#underWay
  }

  /**
   * Saves the run as it stands and waits for it.
   * @throws {SaveError}
   */
  async saveNow(): Promise<CheckpointEvent> {
    await this.begin()
    await this.settled()
    const event = this.#events.pop()!
    if (event.type === 'checkpoint') return event
    throw new SaveError(event.message)
  }
}
