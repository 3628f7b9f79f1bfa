import { join } from 'node:path'
import type { Part } from '../case.js'
import type { Ended } from '../child.js'
import { exitOf, finish, goOn, signalLater, stepsOf } from '../drive.js'

const stopSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGUSR2: 0 } as const
type StopSignal = keyof typeof stopSignals

/** Asked to stop at a random moment: the exit code must be the documented one, and nothing may be lost. */
export const signals: Part = {
  name: 'signal',
  title: 'SIGINT, SIGTERM, SIGHUP, SIGUSR2 at random moments',
  cases: (runs) =>
    (Object.keys(stopSignals) as StopSignal[]).flatMap((signal) =>
      Array.from({ length: Math.max(1, Math.round(runs / 10)) }, (_, i) => ({
        name: `signal/${signal}-${i + 1}`,
        run: async ({ lab, random, folder }) => {
          const out = join(folder, 'run')
          const ended = await signalLater(goOn(lab, out), signal, random.unit() * lab.seconds)
          return { problems: [...wrongExit(ended, signal), ...(await finish(lab, out))], interruptions: 1 }
        },
      })),
    ),
}

function wrongExit(ended: Ended, signal: StopSignal): string[] {
  const last = ended.events.at(-1)
  // Before the program stands, or after its last event, the signal does what it does to any process.
  const outside = ended.events.length === 0 || (last?.type === 'end' && last.reason === 'done')
  if (outside && ended.signal === signal) return []
  if (last?.type === 'end' && last.reason === 'done')
    return ended.code === 0 ? [] : [`done, and exited with ${exitOf(ended)}`]
  const wanted = signal === 'SIGUSR2' && stepsOf(ended) === 0 ? 75 : stopSignals[signal]
  const told = ended.err.includes(`${signal}: `) ? [] : [`stderr does not name ${signal}: ${ended.err}`]
  return ended.code === wanted
    ? told
    : [`exited with ${exitOf(ended)} instead of ${wanted} after ${stepsOf(ended)} steps: ${ended.err}`]
}
