import type { Case, Part } from './case.js'
import { damage } from './parts/damage.js'
import { disk } from './parts/disk.js'
import { failedStarts } from './parts/failed-starts.js'
import { killed } from './parts/killed.js'
import { paused } from './parts/paused.js'
import { savePointsPart } from './parts/save-points.js'
import { sharing } from './parts/sharing.js'
import { signals } from './parts/signals.js'

export const parts: readonly Part[] = [
  killed,
  savePointsPart,
  signals,
  paused,
  disk,
  sharing,
  damage,
  failedStarts,
]

/** Cases whose name begins with `only`; a whole name means just that one. */
export function chosenCases(runs: number, only: string): readonly Case[] {
  const all = parts.flatMap((part) => part.cases(runs))
  const exact = all.filter(({ name }) => name === only)
  return exact.length > 0 ? exact : all.filter(({ name }) => name.startsWith(only))
}
