// The thread of a save. A package's entry point of its own, started by thread.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { adoptPassedPoints, passedPoints } from './points.js'
import { toData, type ThreadInput, type ThreadOutcome } from './thread.js'
import { writeCheckpoint } from './write.js'

const input = workerData as ThreadInput
adoptPassedPoints(input.passedPoints)
const result = await writeCheckpoint(input.job).then(
  (saved) => ({ saved }),
  (error: unknown) => ({ error: toData(error) }),
)
const outcome: ThreadOutcome = { result, passedPoints: passedPoints() }
parentPort!.postMessage(outcome)
