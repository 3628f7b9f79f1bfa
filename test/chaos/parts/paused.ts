import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Part } from '../case.js'
import { compare, exitOf, goOn } from '../drive.js'

const pauseMilliseconds = 1000

/** SIGSTOP at a random moment, and SIGCONT a second later: nothing may come of it. */
export const paused: Part = {
  name: 'paused',
  title: 'SIGSTOP for a second, SIGCONT',
  cases: (runs) =>
    Array.from({ length: Math.max(1, Math.round(runs / 10)) }, (_, i) => ({
      name: `paused/${i + 1}`,
      run: async ({ lab, random, folder }) => {
        const out = join(folder, 'run')
        const child = goOn(lab, out)
        await setTimeout(random.unit() * lab.seconds * 1000)
        child.send('SIGSTOP')
        await setTimeout(pauseMilliseconds)
        child.send('SIGCONT')
        const ended = await child.ended
        const exit = ended.code === 0 ? [] : [`exited with ${exitOf(ended)}: ${ended.err}`]
        return { problems: [...exit, ...(await compare(lab, out))], interruptions: 1 }
      },
    })),
}
