import { confirmStart, recordStart } from '../checkpoint/attempts.js'
import { requireSameRun } from '../checkpoint/compare.js'
import { newestValid, newestWhole, type Checkpoint } from '../checkpoint/open.js'
import { removeFolder } from '../checkpoint/files.js'
import { listCheckpoints } from '../checkpoint/folder.js'
import { CheckpointError } from '../errors.js'
import type { PrepareOptions } from './corpus.js'
import { regionWriter } from './engine.js'
import { rolledBack } from './health.js'
import { restoreProductChoices } from './product-choices.js'
import { passOver, type Progress } from './progress.js'
import type { Run } from './run.js'

export interface ResumeOptions extends PrepareOptions {
  /** Paths of values that may differ from the checkpoint's, `config.optimizer.weightDecay` say. */
  readonly allow?: readonly string[]
  /** Another device than the run began on. The numbers then go on within rounding, not bit for bit. */
  readonly device?: string
}

/**
 * Puts a run back to its newest whole checkpoint. One from which two starts have failed is passed over.
 * @throws {CheckpointError} when there is none, or when it belongs to other data, tokenizer or configuration
 */
export async function restoreRun(run: Run, options: ResumeOptions): Promise<void> {
  const { checkpoint, skipped } = await newestValid(run.folder.checkpoints)
  for (const { path, reason } of skipped)
    options.onProgress?.({ stage: 'notice', message: `skipped the checkpoint ${path}: ${reason}` })
  if (!checkpoint) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_MISSING',
      skipped.length > 0
        ? `${run.folder.path} has no checkpoint that is whole. Copy one back into ${run.folder.checkpoints}; or begin anew with ` +
            "'patchtrain train --overwrite', which deletes what is there."
        : `${run.folder.path} has no checkpoint to go on from. Start the run again with 'patchtrain train --overwrite'.`,
    )
  }
  requireSameRun(checkpoint.state.run, run.identity, options.allow)
  await recordStart(run.folder.checkpoints, checkpoint.state.step)
  run.confirmed = false
  await loadCheckpoint(run, checkpoint)
  await restoreProductChoices(run)
}

/** The run has shown that it can go on from where it started: that start has not failed. */
export async function confirmRun(run: Run): Promise<void> {
  if (run.confirmed) return
  await confirmStart(run.folder.checkpoints)
  run.confirmed = true
}

/** Weights, optimizer and progress of a checkpoint that belongs to the run. */
export async function loadCheckpoint(run: Run, checkpoint: Checkpoint): Promise<void> {
  const { weights, m, v } = run.engine.state
  for (const [name, parameters] of Object.entries({ weights, m, v }))
    await checkpoint.load(name, parameters.table, regionWriter(parameters))
  await run.engine.restored()
  const { codeVersion: _, run: __, health, ...progress } = checkpoint.state
  run.progress = progress
  run.health = health
}

/**
 * Goes back to the newest checkpoint that the schedule of saves has left, and on with the data behind the step that
 * failed. What was counted of incidents stays counted. Later checkpoints are those of steps that no longer happened, and go.
 * @returns the step the run stands at; undefined when there is no checkpoint to go back to
 */
export async function rollBack(run: Run): Promise<number | undefined> {
  const { everySteps } = run.config.checkpoint
  const { checkpoints } = run.folder
  await run.saver.settled()
  // Not to one that a stop by signal has left: a run that was never stopped would not have it, and would go elsewhere.
  const scheduled = (step: number) => everySteps > 0 && step % everySteps === 0
  const { checkpoint } = await newestWhole(checkpoints, { upTo: run.progress.step, accept: scheduled })
  if (!checkpoint) return undefined
  const failed: Progress = run.progress
  const found = run.health
  await loadCheckpoint(run, checkpoint)
  run.progress = passOver(run.config, run.progress, failed)
  run.health = rolledBack(found, run.health)
  for (const { step, path } of await listCheckpoints(checkpoints))
    if (step > run.progress.step) await removeFolder(path)
  return run.progress.step
}
