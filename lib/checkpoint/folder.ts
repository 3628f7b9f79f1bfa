import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError } from '../errors.js'
import { replacedName, systemCode } from './files.js'

/**
 * Names inside the folder of a run's checkpoints: `step-00000123`, the same with `.partial` while it is written, with
 * `.old.partial` while another of the same step takes its place, `latest`, `attempts.json`.
 */

export interface CheckpointPath {
  readonly step: number
  readonly path: string
}

/** Names the newest checkpoint, for people and scripts. Resuming looks at the checkpoints themselves. */
export const latestName = 'latest'

/** Starts from a checkpoint that have not come through their first step, see attempts.ts. */
export const attemptsName = 'attempts.json'

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`
}

/**
 * Finished checkpoints by step, newest first; none when the folder does not exist. Nothing in them is checked. One that
 * was making way for another when the process died counts as long as the other is not there.
 */
export async function listCheckpoints(folder: string): Promise<CheckpointPath[]> {
  const names = await namesIn(folder)
  const found: CheckpointPath[] = []
  for (const name of names) {
    const [, digits, replaced] = /^step-(\d{8,15})(\.old\.partial)?$/.exec(name) ?? []
    const step = Number(digits)
    const proper = checkpointName(step)
    if (name !== (replaced ? replacedName(proper) : proper)) continue
    if (!replaced || !names.includes(proper)) found.push({ step, path: join(folder, name) })
  }
  return found.sort((a, b) => b.step - a.step)
}

/**
 * Removes what saves that never finished have left, and gives a checkpoint its name back that the one to replace it
 * never took. Not to be called while a save is under way.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const { step, path } of await listCheckpoints(folder)) {
    const proper = join(folder, checkpointName(step))
    if (path !== proper) await rename(path, proper)
  }
  for (const name of await namesIn(folder)) {
    if (/^(step-\d{8,15}(\.old|\.removed)?|latest|attempts\.json)\.partial$/.test(name)) {
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
