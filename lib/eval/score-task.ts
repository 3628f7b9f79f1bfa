import type { EvaluatedModel } from './evaluated-model.js'
import type { PreparedTask } from './prepare.js'
import type { SampleLog } from './sample-log.js'
import { planBatches, type Scorable } from './scoring/batches.js'
import { rowsAtOnce, SequenceScorer } from './scoring/scorer.js'

export interface TaskProgress {
  readonly task: string
  /** Examples that are scored, those from a log among them. */
  readonly examples: number
  readonly of: number
  /** Share of this call's work on the task, in rows of the decoder; what came from a log is no work. */
  readonly share: number
}

export interface ScoreOptions {
  readonly log?: SampleLog | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: TaskProgress) => void) | undefined
}

/** Sequences of an example, and where they stand among all of it. */
interface Piece extends Scorable {
  readonly example: number
  readonly first: number
}

/**
 * Log-likelihoods of every sequence of every example, in order. Batches are cut as if nothing were known yet, so that a
 * score does not depend on where an earlier call was stopped.
 */
export async function scoreTask(
  model: EvaluatedModel,
  task: PreparedTask,
  { log, signal, onProgress }: ScoreOptions,
): Promise<readonly (readonly number[])[]> {
  const { examples } = task
  const known = examples.map((example) => log?.find(task, example))
  const scores = examples.map(({ sequences }, i) => [...(known[i] ?? sequences.map(() => NaN))])
  const missing = examples.map(({ sequences }, i) => (known[i] ? 0 : sequences.length))
  // Worked examples are long, and more questions of a subject share them.
  const rows = rowsAtOnce[model.device.compute] * (task.shots > 0 ? 2 : 1)
  const batches = planBatches(piecesOf(task), rows).filter(({ members }) =>
    members.some(({ example }) => missing[example]! > 0),
  )
  const work = batches.reduce((sum, { rows }) => sum + rows, 0)
  let done = 0
  let complete = missing.filter((count) => count === 0).length
  const report = () =>
    onProgress?.({
      task: task.task.name,
      examples: complete,
      of: examples.length,
      share: work ? done / work : 1,
    })

  report()
  if (batches.length === 0) return scores
  const scorer = new SequenceScorer(model, batches)
  try {
    for (const batch of batches) {
      signal?.throwIfAborted()
      const ofMembers = await scorer.score(batch)
      const finished = new Map<number, readonly number[]>()
      for (const [m, { example, first, sequences }] of batch.members.entries()) {
        if (missing[example] === 0) continue
        ofMembers[m]!.forEach((score, i) => (scores[example]![first + i] = score))
        missing[example]! -= sequences.length
        if (missing[example] === 0) finished.set(example, scores[example]!)
      }
      await log?.append(task, finished)
      complete += finished.size
      done += batch.rows
      report()
    }
  } finally {
    scorer.dispose()
  }
  return scores
}

/** Choices of a question stay together; windows of a document share nothing and may go apart. */
function piecesOf({ examples, shots }: PreparedTask): Piece[] {
  return examples.flatMap(({ sequences, together, part }, example) => {
    const group = shots > 0 ? (part ?? '') : ''
    if (together) return [{ example, first: 0, sequences, group }]
    return sequences.map((sequence, first) => ({ example, first, sequences: [sequence], group }))
  })
}
