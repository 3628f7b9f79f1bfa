import { existsSync } from 'node:fs'
import { readSmallFile, replaceFile, saveError } from '../checkpoint/files.js'
import { CheckpointError } from '../errors.js'
import type { Run } from './run.js'

/*
 * Which algorithm serves each matrix product on CUDA. It lies beside the checkpoints, not in them: choices only grow, so
 * the newest file serves every checkpoint.
 */

/** A line each for some hundred products. */
const maxBytes = 1 << 20

export async function saveProductChoices({ device, folder }: Run): Promise<void> {
  const choices = await device.choices()
  if (choices === '') return
  try {
    await replaceFile(folder.products, choices)
  } catch (cause) {
    throw saveError('The choice of product algorithms', folder.products, cause)
  }
}

/** What another library or device cannot take over is told among the device's notes. */
export async function restoreProductChoices({ device, folder }: Run): Promise<void> {
  if (device.kind !== 'cuda' || !existsSync(folder.products)) return
  try {
    const text = await readSmallFile(folder.products, maxBytes)
    await device.restoreChoices(new TextDecoder().decode(text))
  } catch (cause) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_CORRUPT',
      `${folder.products} is damaged: ${(cause as Error).message}. Delete it to have the algorithms of matrix products ` +
        'chosen anew; results may then differ in the last bits.',
      { cause },
    )
  }
}
