import { join } from 'node:path'
import type { Part } from '../case.js'
import { finish, goOn, signalLater } from '../drive.js'

/** SIGKILL at random moments, one to four in the life of a run. */
export const killed: Part = {
  name: 'killed',
  title: 'SIGKILL at random moments',
  cases: (runs) =>
    Array.from({ length: runs }, (_, i) => ({
      name: `killed/${i + 1}`,
      run: async ({ lab, random, folder }) => {
        const out = join(folder, 'run')
        let interruptions = 0
        for (let kills = 1 + random.below(4); kills > 0; kills--) {
          const ended = await signalLater(goOn(lab, out), 'SIGKILL', random.unit() * lab.seconds)
          if (ended.signal === 'SIGKILL') interruptions++
        }
        return { problems: await finish(lab, out), interruptions }
      },
    })),
}
