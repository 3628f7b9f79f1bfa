import { CheckpointError } from '../errors.js'
import type { RunIdentity } from './manifest.js'

export interface Difference {
  /** `config.optimizer.weightDecay`, `tokenizer`, `data`. */
  readonly path: string
  /** As JSON; `nothing` where one side has no such value. */
  readonly saved: string
  readonly current: string
}

/**
 * What may change on resume without making it another run. The corpus may move and be cut into other files: the hash
 * `data` and the fingerprint `tokenizer` speak for what is in it.
 */
export const freeToChange: readonly string[] = [
  'config.name',
  'config.data',
  'config.recompute',
  'config.device',
  'config.threads',
  'config.out',
  'config.checkpoint',
  'config.health',
  'config.evaluation',
  'config.tasks',
  'config.sample',
]

/** Every value in which two runs differ. */
export function listDifferences(saved: RunIdentity, current: RunIdentity): Difference[] {
  const differences: Difference[] = []
  compare('', plain(saved), plain(current), differences)
  return differences
}

/** Stops unless `current` continues the run that was saved. `allowed` are paths the user has said may differ. */
export function requireSameRun(
  saved: RunIdentity,
  current: RunIdentity,
  allowed: readonly string[] = [],
): void {
  const free = [...freeToChange, ...allowed]
  const differences = listDifferences(saved, current).filter(
    ({ path }) => !free.some((prefix) => path === prefix || path.startsWith(`${prefix}.`)),
  )
  if (differences.length === 0) return
  const lines = differences.map((d) => `  ${d.path}: checkpoint ${d.saved}, now ${d.current}`)
  const text = `The checkpoint belongs to another run:\n${lines.join('\n')}\nRestore these values, or allow them by name (--allow PATH) to change the run on purpose.`
  throw new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
}

function compare(path: string, saved: unknown, current: unknown, differences: Difference[]): void {
  if (isTree(saved) && isTree(current)) {
    for (const key of new Set([...Object.keys(saved), ...Object.keys(current)])) {
      compare(path ? `${path}.${key}` : key, saved[key], current[key], differences)
    }
  } else if (JSON.stringify(saved) !== JSON.stringify(current)) {
    differences.push({ path, saved: show(saved), current: show(current) })
  }
}

/** Only what JSON keeps: a saved run has been through it. */
function plain(run: RunIdentity): unknown {
  return JSON.parse(JSON.stringify(run))
}

/** Lists count as trees too, so that a change in the second stage reads `config.stages.1.steps`. */
function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
