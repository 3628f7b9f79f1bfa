import { listCheckpoints } from '../checkpoint/folder.js'
import { openCheckpoint } from '../checkpoint/open.js'
import { holdsFinishedRun, readRunConfig, type RunFolder } from './run-folder.js'

/**
 * Whether nothing is left to do in a run folder: the end was told, the model is there, and the last checkpoint is whole
 * and stands behind the last stage. Anything else, also what cannot be read, is for resuming to deal with.
 */
export async function isFinished(folder: RunFolder): Promise<boolean> {
  const { stages } = readRunConfig(folder)
  try {
    if (!holdsFinishedRun(folder)) return false
    const [newest] = await listCheckpoints(folder.checkpoints)
    return newest !== undefined && (await openCheckpoint(newest.path)).state.stage === stages.length
  } catch {
    return false
  }
}
