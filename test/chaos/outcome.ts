import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import { openCheckpoint } from '../../lib/checkpoint/open.js'
import { readMetrics, type MetricsLine } from '../../lib/report/metrics.js'

/** Everything about a finished run that must not depend on what happened to it. */
export interface Outcome {
  /** A step each: number, stage, bits of loss and gradient norm, learning rate, tokens, and what was read. */
  readonly steps: readonly string[]
  readonly evaluations: readonly string[]
  readonly samples: readonly string[]
  /** SHA-256 of weights, m and v of the last checkpoint. */
  readonly state: readonly string[]
  /** SHA-256 of every file of the exported model. */
  readonly model: readonly string[]
  /** What says that the file of the metrics tells one run, without gaps or repetition. */
  readonly order: readonly string[]
}

/** @throws when the run is not there, not finished, or something of it cannot be read */
export async function outcomeOf(run: string): Promise<Outcome> {
  const lines = readMetrics(join(run, 'metrics.jsonl'))
  const [newest] = await listCheckpoints(join(run, 'checkpoints'))
  if (!newest) throw new Error(`${run} has no checkpoint`)
  const { files } = await openCheckpoint(newest.path)
  const of = <T extends MetricsLine['type']>(type: T) =>
    lines.filter((line): line is Extract<MetricsLine, { type: T }> => line.type === type)
  return {
    steps: of('step').map(({ step, stage, loss, gradientNorm, learningRate, tokens, batch, skipped }) =>
      JSON.stringify([step, stage, loss, gradientNorm, learningRate, tokens, batch, skipped]),
    ),
    evaluations: of('evaluation').map(({ step, loss }) => JSON.stringify([step, loss])),
    samples: of('sample').map(({ step, text }) => JSON.stringify([step, text])),
    state: Object.entries(files).map(([name, { sha256 }]) => `${name} ${sha256}`),
    model: readdirSync(join(run, 'model'))
      .sort()
      .map((name) => `${name} ${sha256(join(run, 'model', name))}`),
    order: orderOf(lines),
  }
}

/** Steps count up by one, and the end is told once, last, as done. */
function orderOf(lines: readonly MetricsLine[]): string[] {
  const problems: string[] = []
  let step = 0
  for (const line of lines) {
    if (line.type === 'step' && line.step !== ++step) {
      problems.push(`step ${line.step} follows step ${step - 1}`)
      step = line.step
    }
    if (line.type === 'end' && line.reason === 'done' && line !== lines.at(-1))
      problems.push(`the end of step ${line.step} is not the last line`)
  }
  const last = lines.at(-1)
  if (last?.type !== 'end' || last.reason !== 'done') problems.push('the last line is not the end')
  return problems
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** A sentence for each kind of thing in which `found` differs from `wanted`. */
export function differences(wanted: Outcome, found: Outcome): string[] {
  return (Object.keys(wanted) as (keyof Outcome)[]).flatMap((what) => {
    const [a, b] = [wanted[what], found[what]]
    const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find((i) => a[i] !== b[i])
    if (at === undefined) return []
    return [`${what} differ first at ${at + 1}: ${a[at] ?? 'nothing'} became ${b[at] ?? 'nothing'}`]
  })
}
