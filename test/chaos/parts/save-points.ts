import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { replacePoint, savePoints } from '../../../lib/checkpoint/points.js'
import type { Bench, Finding, Part } from '../case.js'
import { finish, goOn, runUntil } from '../drive.js'

/** Dies at every labelled point of a save: of the first, of one in the middle, and of the last that comes there. */
export const savePointsPart: Part = {
  name: 'save-point',
  title: 'SIGKILL at every point of a save',
  cases: (runs) => {
    const everySave = ['first', 'middle', 'last'] as const
    const saves = runs < 10 ? everySave.slice(1, 2) : everySave
    const points = savePoints.flatMap((point) =>
      saves.map((which) => ({
        name: `save-point/${point}, ${which}`,
        run: (bench: Bench) => dieAt(bench, point, which),
      })),
    )
    return [...points, { name: `save-point/${replacePoint}`, run: dieReplacing }]
  },
}

async function dieAt(
  { lab, folder }: Bench,
  point: string,
  which: 'first' | 'middle' | 'last',
): Promise<Finding> {
  const middle = Math.ceil(lab.saves / 2)
  // The last that comes there: early saves have no old checkpoint to remove, so that point is passed less often.
  const candidates =
    which === 'first'
      ? [1]
      : which === 'middle'
        ? [middle]
        : Array.from({ length: lab.saves }, (_, i) => lab.saves - i)
  for (const time of candidates) {
    const out = join(folder, `run-${time}`)
    const ended = await goOn(lab, out, { environment: { PATCHTRAIN_KILL_AT: `${point}#${time}` } }).ended
    if (ended.signal === 'SIGKILL') return { problems: await finish(lab, out), interruptions: 1 }
    if (ended.code !== 0) return { problems: [`exited with ${ended.code}: ${ended.err}`], interruptions: 0 }
  }
  return { problems: ['no save came to this point'], interruptions: 0 }
}

/** A damaged checkpoint of the step that is saved again makes way; the process dies between the two renames. */
async function dieReplacing({ lab, folder }: Bench): Promise<Finding> {
  const out = join(folder, 'run')
  await runUntil(lab, out, 33)
  const checkpoints = join(out, 'checkpoints')
  const newest = readdirSync(checkpoints)
    .filter((name) => /^step-\d+$/.test(name))
    .sort()
    .at(-1)!
  writeFileSync(join(checkpoints, newest, 'm.safetensors'), 'damaged')
  const ended = await goOn(lab, out, { environment: { PATCHTRAIN_KILL_AT: replacePoint } }).ended
  const problems = ended.signal === 'SIGKILL' ? [] : [`did not come to this point: ${ended.err}`]
  if (existsSync(join(checkpoints, newest))) problems.push(`${newest} still has its name between the renames`)
  return { problems: [...problems, ...(await finish(lab, out))], interruptions: 2 }
}
