import { removeFolder, syncFolder } from './files.js'
import { listCheckpoints } from './folder.js'
import { openCheckpoint } from './open.js'
import type { AtPoint } from './points.js'

export interface RetentionPolicy {
  /** How many of the newest stay; at least two do, so that one bad file never ends a run. */
  readonly keep: number
  /** Every checkpoint whose step is a multiple of it stays for good; 0: none for that reason. */
  readonly keepEvery: number
  /** The step whose checkpoint stays because it is the best. */
  readonly best: number | undefined
}

/**
 * Which steps may go once `written` is safe, oldest first: neither it, nor among the newest `keep` − 1 others, nor a
 * multiple of `keepEvery`, nor the best.
 */
export function surplusSteps(
  steps: readonly number[],
  written: number,
  { keep, keepEvery, best }: RetentionPolicy,
): number[] {
  const others = steps.filter((step) => step !== written).sort((a, b) => b - a)
  return others
    .slice(Math.max(keep, 2) - 1)
    .filter((step) => !(keepEvery > 0 && step % keepEvery === 0) && step !== best)
    .reverse()
}

/**
 * Removes what the policy lets go, but for the newest other checkpoint that is whole: kept ones that have rotted do not
 * count for it.
 */
export async function applyRetention(
  folder: string,
  written: number,
  policy: RetentionPolicy,
  at: AtPoint = () => {},
): Promise<void> {
  const all = await listCheckpoints(folder)
  const surplus = surplusSteps(
    all.map(({ step }) => step),
    written,
    policy,
  )
  if (surplus.length === 0) return
  const paths = new Map(all.map(({ step, path }) => [step, path]))
  const fallback = await firstWhole(all.filter(({ step }) => step !== written))
  // Oldest first: a crash in between leaves the newer ones.
  for (const step of surplus) {
    if (step !== fallback) await removeFolder(paths.get(step)!, () => at('in the middle of removal'))
  }
  await syncFolder(folder)
}

async function firstWhole(
  checkpoints: readonly { readonly step: number; readonly path: string }[],
): Promise<number | undefined> {
  for (const { step, path } of checkpoints) {
    const whole = await openCheckpoint(path).then(
      () => true,
      () => false,
    )
    if (whole) return step
  }
  return undefined
}
