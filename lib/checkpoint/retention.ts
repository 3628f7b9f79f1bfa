import { removeFolder, syncFolder } from './files.js'
import { listCheckpoints } from './folder.js'
import { openCheckpoint } from './open.js'

/**
 * Removes all but the newest `keep` checkpoints; at least two stay, so that one bad file never ends a run. The one just
 * written stays, and so does the newest other one that is whole: kept ones that have rotted do not count for it.
 */
export async function applyRetention(folder: string, justWritten: string, keep: number): Promise<void> {
  const others = (await listCheckpoints(folder)).filter(({ path }) => path !== justWritten)
  const surplus = others.slice(Math.max(keep, 2) - 1)
  if (surplus.length === 0) return
  const fallback = await firstWhole(others.map(({ path }) => path))
  // Oldest first: a crash in between leaves the newer ones.
  for (const { path } of surplus.reverse()) {
    if (path !== fallback) await removeFolder(path)
  }
  await syncFolder(folder)
}

async function firstWhole(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const whole = await openCheckpoint(path).then(
      () => true,
      () => false,
    )
    if (whole) return path
  }
  return undefined
}
