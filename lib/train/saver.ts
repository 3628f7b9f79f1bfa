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
  /** Ends when no save is under way any more. */
  #turn: Promise<unknown> = Promise.resolve()
  #events: SaveEvent[] = []

  constructor(run: Run) {
    const { keep, keepEvery } = run.config.checkpoint
    this.#run = run
    this.#saver = new CheckpointSaver({ folder: run.folder.checkpoints, keep, keepEvery })
  }

  /** Returns when the save is under way. What comes of it is among the events later. */
  async begin(): Promise<void> {
    const { copied, outcome } = this.#save()
    outcome.then(
      (event) => this.#events.push(event),
      () => undefined, // a bug, told by whoever waits for the turn's end
    )
    await copied
  }

  /**
   * Saves the run as it stands after the step under way, and waits for it.
   * @throws {SaveError}
   */
  async saveNow(): Promise<CheckpointEvent> {
    const event = await this.#save().outcome
    if (event.type === 'checkpoint') return event
    throw new SaveError(event.message)
  }

  /** What saves have ended with since the last call; not those that were waited for. */
  takeEvents(): SaveEvent[] {
    return this.#events.splice(0)
  }

  /** Waits for the saves under way, if there are any. */
  async settled(): Promise<void> {
    await this.#turn
  }

  /** One at a time, in the order of the calls; and none within a step. */
  #save(): { copied: Promise<void>; outcome: Promise<SaveEvent> } {
    const began = performance.now()
    const pending = this.#turn.then(() => this.#run.betweenSteps(() => this.#copy()))
    const outcome = pending.then(
      async ({ step, save }): Promise<SaveEvent> => {
        const stallSeconds = (performance.now() - began) / 1000
        try {
          const { path, bytes, warnings } = await save.finished
          const seconds = (performance.now() - began) / 1000
          return { type: 'checkpoint', step, path, bytes, seconds, stallSeconds, warnings }
        } catch (error) {
          return failed(step, error)
        }
      },
      (error: unknown) => failed(this.#run.progress.step, error),
    )
    this.#turn = outcome
    this.#turn.catch(() => undefined) // told where it is awaited
    return { copied: pending.then(ignore, ignore), outcome }
  }

  async #copy(): Promise<{ step: number; save: PendingSave }> {
    await saveProductChoices(this.#run)
    const save = this.#start()
    await save.copied
    return { step: save.step, save }
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
}

type SaveEvent = CheckpointEvent | SaveFailedEvent

const ignore = () => undefined

function failed(step: number, error: unknown): SaveFailedEvent {
  if (!(error instanceof PatchTrainError)) throw error
  return { type: 'save-failed', step, message: error.message }
}
