import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { requireSameRun } from '../checkpoint/compare.js'
import { newestValid } from '../checkpoint/open.js'
import { saveCheckpoint } from '../checkpoint/save.js'
import { CheckpointError, SaveError } from '../errors.js'
import type { PrepareOptions } from './corpus.js'
import { regionReader, regionWriter } from './engine.js'
import type { CheckpointEvent } from '../events.js'
import { packageVersion } from './run-folder.js'
import type { Run } from './run.js'

export interface ResumeOptions extends PrepareOptions {
  /** Paths of values that may differ from the checkpoint's, `config.optimizer.weightDecay` say. */
  readonly allow?: readonly string[]
  /** Another device than the run began on. The numbers then go on within rounding, not bit for bit. */
  readonly device?: string
}

/** Writes the run as it stands. All of it appears at once, or nothing does. */
export async function saveRun(run: Run): Promise<CheckpointEvent> {
  const began = performance.now()
  await saveProductChoices(run)
  const { weights, m, v } = run.engine.state
  const { path, bytes, warnings } = await saveCheckpoint({
    folder: run.folder.checkpoints,
    state: { ...run.progress, codeVersion: packageVersion(), run: run.identity },
    table: weights.table,
    regions: { weights: regionReader(weights), m: regionReader(m), v: regionReader(v) },
    keep: run.config.checkpoint.keep,
  })
  return {
    type: 'checkpoint',
    step: run.progress.step,
    path,
    bytes,
    seconds: (performance.now() - began) / 1000,
    warnings,
  }
}

/**
 * Puts a run back to its newest whole checkpoint.
 * @throws {CheckpointError} when there is none, or when it belongs to other data, tokenizer or configuration
 */
export async function restoreRun(run: Run, options: ResumeOptions): Promise<void> {
  const { checkpoint, skipped } = await newestValid(run.folder.checkpoints)
  for (const { path, reason } of skipped)
    options.onProgress?.({ stage: 'notice', message: `skipped the checkpoint ${path}: ${reason}` })
  if (!checkpoint) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_MISSING',
      `${run.folder.path} has no checkpoint to go on from. Start the run again with 'patchtrain train --overwrite'.`,
    )
  }
  requireSameRun(checkpoint.state.run, run.identity, options.allow)
  const { weights, m, v } = run.engine.state
  for (const [name, parameters] of Object.entries({ weights, m, v }))
    await checkpoint.load(name, parameters.table, regionWriter(parameters))
  await run.engine.restored()
  await restoreProductChoices(run)
  const { step, stage, stageStep, samples, tokens, flops } = checkpoint.state
  run.progress = { step, stage, stageStep, samples, tokens, flops }
}

/** Beside the checkpoint, not in it: choices only grow, so the newest file serves every checkpoint. */
async function saveProductChoices({ device, folder }: Run): Promise<void> {
  const choices = await device.choices()
  if (choices === '') return
  try {
    await writeFile(`${folder.products}.partial`, choices)
    await rename(`${folder.products}.partial`, folder.products)
  } catch (cause) {
    throw new SaveError(`Cannot write ${folder.products}: ${(cause as Error).message}. Free some space.`, {
      cause,
    })
  }
}

/** What another library or device cannot take over is told among the device's notes. */
async function restoreProductChoices({ device, folder }: Run): Promise<void> {
  if (device.kind !== 'cuda' || !existsSync(folder.products)) return
  try {
    await device.restoreChoices(await readFile(folder.products, 'utf8'))
  } catch (cause) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_CORRUPT',
      `${folder.products} is damaged: ${(cause as Error).message}. Delete it to have the algorithms of matrix products ` +
        'chosen anew; results may then differ in the last bits.',
      { cause },
    )
  }
}
