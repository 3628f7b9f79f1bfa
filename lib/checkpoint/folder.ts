import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError } from '../errors.js'
import { systemCode } from './files.js'

/** Names inside the folder of a run's checkpoints: `step-00000123`, the same with `.partial` while it is written, `latest`. */

export interface CheckpointPath {
  readonly step: number
  readonly path: string
}

/** Names the newest checkpoint, for people and scripts. Resuming looks at the checkpoints themselves. */
export const latestName = 'latest'

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`
}

/** Finished checkpoints by step, newest first; none when the folder does not exist. Nothing in them is checked. */
export async function listCheckpoints(folder: string): Promise<CheckpointPath[]> {
  const found: CheckpointPath[] = []
  for (const name of await namesIn(folder)) {
    const step = Number(/^step-(\d{8,15})$/.exec(name)?.[1])
    if (checkpointName(step) === name) found.push({ step, path: join(folder, name) })
  }
  return found.sort((a, b) => b.step - a.step)
}

/** Removes what saves that never finished have left. Not to be called while one is under way. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (/^(step-\d{8,15}(\.old)?|latest)\.partial$/.test(name)) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return []
    const text = `${folder} cannot be read (${systemCode(cause) ?? String(cause)}). Check the path and its permissions.`
    throw new CheckpointError('ERR_CHECKPOINT_MISSING', text, { cause })
  }
}
