import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bench, Finding, Part } from '../case.js'
import type { Child } from '../child.js'
import { compare, goOn, runUntil } from '../drive.js'

/** Two starts die before they have done a step: the checkpoint before is used, and that is said. */
export const failedStarts: Part = {
  name: 'failed-starts',
  title: 'two starts die from one checkpoint',
  cases: () => [{ name: 'failed-starts/1', run: failTwice }],
}

const deaths = 2
const tries = 30

async function failTwice({ lab, folder }: Bench): Promise<Finding> {
  const out = join(folder, 'run')
  await runUntil(lab, out, 28)
  const file = join(out, 'checkpoints', 'attempts.json')
  let died = 0
  for (let i = 0; i < tries && died < deaths; i++) {
    const wanted = died + 1
    const caught = await killWhen(goOn(lab, out), () => unconfirmed(file) === wanted)
    if (!caught) return { problems: ['the run ended before a start could be killed'], interruptions: died }
    died = unconfirmed(file) // 0 when it came through its first step before it died
  }
  if (died < deaths)
    return { problems: ['no start could be killed before its first step'], interruptions: died }
  const ended = await goOn(lab, out).ended
  const said = /skipped the checkpoint \S+: 2 starts from it died/.test(ended.err)
  const problems = said ? [] : [`it is not said that a checkpoint is passed over: ${ended.err}`]
  return { problems: [...problems, ...(await compare(lab, out))], interruptions: died }
}

/** Starts that have been counted and have not come through a step. */
function unconfirmed(file: string): number {
  try {
    const { unconfirmedStarts } = JSON.parse(readFileSync(file, 'utf8')) as {
      unconfirmedStarts: Record<string, number>
    }
    return Math.max(...Object.values(unconfirmedStarts))
  } catch {
    return 0
  }
}

/** @returns false when the process ended before `condition` held */
async function killWhen(child: Child, condition: () => boolean): Promise<boolean> {
  let alive = true
  void child.ended.then(() => (alive = false))
  while (alive && !condition()) await setTimeout(1)
  const caught = alive
  child.send('SIGKILL')
  await child.ended
  return caught
}
