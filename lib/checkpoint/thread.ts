import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { CheckpointError, PatchTrainError, SaveError } from '../errors.js'
import { adoptPassedPoints, passedPoints } from './points.js'
import { writeCheckpoint, type SavedCheckpoint, type WriteJob } from './write.js'

/**
 * A thread for one save, started for it and ended with it, so that all its memory is given back. What goes in and what
 * comes out is plain data.
 */

/** `workerData` of the thread. */
export interface ThreadInput {
  readonly job: WriteJob
  readonly passedPoints: Readonly<Record<string, number>>
}

/** The one message of the thread. */
export interface ThreadOutcome {
  readonly result: { readonly saved: SavedCheckpoint } | { readonly error: ErrorData }
  readonly passedPoints: Readonly<Record<string, number>>
}

interface ErrorData {
  readonly code: string
  readonly message: string
}

/**
 * Does the job beside the program, or within it where the sources run and not the built package: a thread needs a script,
 * and the one that belongs to the running code lies beside it. The arrays of the job are taken over.
 */
export function writeBeside(job: WriteJob): Promise<SavedCheckpoint> {
  const script = writerScript()
  return script === undefined ? writeCheckpoint(job) : writeInThread(script, job)
}

/** Built from writer-main.ts together with the package, so the two always fit. */
function writerScript(): string | undefined {
  const self = typeof __filename === 'string' ? __filename : fileURLToPath(import.meta.url)
  const script = join(dirname(self), 'checkpoint-writer.js')
  return existsSync(script) ? script : undefined
}

/** @throws {SaveError} also when the thread dies: for lack of memory, say */
export async function writeInThread(script: string, job: WriteJob): Promise<SavedCheckpoint> {
  const workerData: ThreadInput = { job, passedPoints: passedPoints() }
  const pieces = Object.values(job.regions).flat()
  const buffers = pieces.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer)
  let outcome: ThreadOutcome | undefined
  let death: string | undefined
  try {
    // Flags of the process may not suit a script (--input-type), or claim a debugger's port twice (--inspect).
    const worker = new Worker(script, { workerData, transferList: [...new Set(buffers)], execArgv: [] })
    worker.once('message', (message: ThreadOutcome) => (outcome = message))
    worker.once('error', (error: unknown) => (death = error instanceof Error ? error.message : String(error)))
    // Only then is its memory free.
    const exitCode = await new Promise<number>((ended) => worker.once('exit', ended))
    death ??= `it ended with code ${exitCode}`
  } catch (error) {
    death = (error as Error).message
  }
  if (outcome === undefined) throw threadDied(job, death)
  adoptPassedPoints(outcome.passedPoints)
  if ('error' in outcome.result) throw fromData(outcome.result.error)
  return outcome.result.saved
}

/** What it takes to throw the same error on the other side. */
export function toData(error: unknown): ErrorData {
  if (error instanceof PatchTrainError) return { code: error.code, message: error.message }
  return { code: 'ERR_SAVE', message: error instanceof Error ? error.message : String(error) }
}

function fromData({ code, message }: ErrorData): PatchTrainError {
  switch (code) {
    case 'ERR_SAVE':
      return new SaveError(message)
    case 'ERR_CHECKPOINT_CORRUPT':
    case 'ERR_CHECKPOINT_MISMATCH':
    case 'ERR_CHECKPOINT_MISSING':
      return new CheckpointError(code, message)
    default:
      return new PatchTrainError(code, message)
  }
}

function threadDied({ state, folder }: WriteJob, reason = 'it gave no reason'): SaveError {
  return new SaveError(
    `The thread that wrote the checkpoint of step ${state.step} to ${folder} died: ${reason}. Checkpoints that were ` +
      'safe before are untouched; what it left behind is removed by the next save. If memory ran out, leave it room for ' +
      'a copy of weights and optimizer state (12 bytes a parameter).',
  )
}
