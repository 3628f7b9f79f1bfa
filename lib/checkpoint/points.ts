/**
 * The points that a save passes, in order. When PATCHTRAIN_KILL_AT names one (`before rename`, or `before rename#2` for
 * its second time), the process kills itself there: so the tests die at every moment that matters.
 */

/** What a test may do at a point instead: stop there, or fail. */
export type AtPoint = (point: string) => void | Promise<void>

/** Reached by every save; `in the middle of removal` by one that has an old checkpoint to remove. */
export const savePoints: readonly string[] = [
  'after copy',
  ...['weights', 'm', 'v'].flatMap((region) => filePoints(`${region}.safetensors`)),
  'before manifest',
  'before folder sync',
  'before rename',
  'after rename',
  'before latest',
  'in the middle of latest',
  'before retention',
  'in the middle of removal',
  'after everything',
]

/** Only reached when another checkpoint of the same step makes way: between the two renames. */
export const replacePoint = 'in the middle of replacing'

export function filePoints(name: string): [before: string, middle: string, after: string] {
  return [`before ${name}`, `in the middle of ${name}`, `after ${name}`]
}

/** How often each point was passed; a thread goes on counting where the process stood when it started. */
const passed = new Map<string, number>()

export function reach(point: string): void {
  const target = process.env['PATCHTRAIN_KILL_AT']
  if (target === undefined) return
  const times = (passed.get(point) ?? 0) + 1
  passed.set(point, times)
  if (target === `${point}#${times}` || (target === point && times === 1))
    process.kill(process.pid, 'SIGKILL')
}

export function passedPoints(): Record<string, number> {
  return Object.fromEntries(passed)
}

/** Takes over the counts of the other side: a thread's from the process when it starts, the process' when it is done. */
export function adoptPassedPoints(counts: Readonly<Record<string, number>>): void {
  for (const [point, times] of Object.entries(counts)) passed.set(point, times)
}
