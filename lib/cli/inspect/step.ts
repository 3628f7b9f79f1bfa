import type { BatchIdentity } from '../../events.js'
import { compact, grouped, loss, si } from '../../report/format.js'
import { createStatusLine } from '../../report/status-line.js'
import { table, type Column } from '../../report/table.js'
import { replayStep, type StepReplay } from '../../train/replay.js'
import type { ParameterGradient, SequenceLoss } from '../../train/step-anatomy.js'
import { writeJson, writeLine, type CliContext } from '../command.js'
import { exitCode } from '../exit.js'
import { untilStopped } from '../signals.js'
import { fields } from './finding.js'

export interface StepRequest {
  /** A run folder. */
  readonly path: string
  readonly step: number
  readonly device: string | undefined
  readonly threads: number | undefined
  readonly json: boolean
}

/** Computes a step of a run again and prints what it was made of. */
export async function inspectStep(request: StepRequest, context: CliContext): Promise<number> {
  const { path, step, device, threads, json } = request
  const status = createStatusLine(context.terminal)
  try {
    const { value, stoppedWith } = await untilStopped(
      (signal) =>
        replayStep(path, step, {
          signal,
          ...(device !== undefined && { device }),
          ...(threads !== undefined && { threads }),
          onProgress: (progress) => {
            if (progress.stage === 'notice') status.note(progress.message)
          },
          onStep: (done, of) =>
            status.show(`replaying step ${grouped(step - of + done)} of ${grouped(step)}`, done === 0),
        }),
      () => undefined,
    )
    status.close()
    if (!value) return stoppedWith ?? exitCode.failure
    if (json) writeJson(context, { kind: 'step', path, ...value })
    else writeLine(context, stepText(value))
    return exitCode.ok
  } finally {
    status.close()
  }
}

export function stepText(replay: StepReplay): string {
  return [summary(replay), numbers(replay), sequences(replay.sequences), gradients(replay)].join('\n\n')
}

function summary({
  step,
  stage,
  from,
  device,
  recorded,
  now,
  nowFound,
  same,
  strayedAt,
}: StepReplay): string {
  const { taken, finding } = recorded
  const found = finding ?? nowFound
  return fields([
    ['step', `${grouped(step)}, stage '${stage.name}' (K = ${stage.patchSize})`],
    ['learning rate', compact(now.learningRate)],
    ['batch', `${batchText(now.batch)}${same.batch ? '' : `; recorded was ${batchText(batchOf(recorded))}`}`],
    [
      'found',
      found &&
        `${found.finding}, ${found.action}: loss ${deviationText(found.deviations.loss)}, gradient norm ${deviationText(found.deviations.gradientNorm)}`,
    ],
    [
      'went back to',
      finding?.rolledBackTo === undefined
        ? undefined
        : `step ${grouped(finding.rolledBackTo)}${taken ? '' : '; what follows is the step that no longer counts'}`,
    ],
    ['update', now.skipped ? 'left out' : 'applied'],
    [
      'replayed',
      `from ${from === 0 ? 'the initial weights' : `the checkpoint of step ${grouped(from)}`} on ${device}`,
    ],
    [
      'strayed',
      strayedAt === undefined
        ? undefined
        : `at step ${grouped(strayedAt)}, which did not come out as recorded: another device, data or release than the run had`,
    ],
  ])
}

function batchText({ firstSample, sequences, tokensHash }: BatchIdentity): string {
  return `samples ${grouped(firstSample)} … ${grouped(firstSample + sequences - 1)}, tokens ${tokensHash}`
}

function batchOf({ taken, finding }: StepReplay['recorded']): BatchIdentity {
  return (taken ?? finding!).batch
}

function deviationText(value: number | null): string {
  if (value === null) return 'unknown'
  return `${compact(Math.abs(value))} σ ${value < 0 ? 'below' : 'above'} the mean`
}

const right = true

function numbers({ recorded, now, same }: StepReplay): string {
  const then = (recorded.taken ?? recorded.finding)!
  const row = (name: string, was: number | null, is: number, equal: boolean) => [
    name,
    was === null ? 'not finite' : String(was),
    String(is),
    equal ? 'the same' : 'DIFFERENT',
  ]
  return table(
    [{ title: '' }, { title: 'recorded', right }, { title: 'now', right }, { title: '' }],
    [
      row('loss', then.loss, now.loss, same.loss),
      row('gradient norm', then.gradientNorm, now.gradientNorm, same.gradientNorm),
    ],
  )
}

/** Rows that a screen holds; --json has all. */
const shownSequences = 10
const shownParameters = 20

function sequences(all: readonly SequenceLoss[]): string {
  const columns: Column[] = [
    { title: 'sample', right },
    { title: 'token', right },
    { title: 'loss', right },
    { title: 'begins' },
  ]
  const shown = all.slice(0, shownSequences)
  const cells = shown.map((sequence) => [
    grouped(sequence.sample),
    grouped(sequence.firstToken),
    loss(sequence.loss),
    oneLine(sequence.text),
  ])
  return table(columns, cells) + more(all.length - shown.length, 'sequences')
}

function gradients({ gradients: all, largestGradient }: StepReplay): string {
  const columns: Column[] = [
    { title: 'gradient of' },
    { title: 'shape', right },
    { title: 'norm', right },
    { title: 'largest', right },
    { title: 'not finite', right },
  ]
  const shown = all.slice(0, Math.max(shownParameters, all.filter(({ notFinite }) => notFinite > 0).length))
  const rest = more(all.length - shown.length, 'parameters')
  return `${table(columns, shown.map(gradientCells))}${rest}\n\nlargest element of the gradient: ${compact(largestGradient)}`
}

function gradientCells({ name, shape, norm, largest, notFinite }: ParameterGradient): string[] {
  return [
    name,
    shape.map(String).join(' × '),
    compact(norm),
    compact(largest),
    notFinite > 0 ? si(notFinite) : '',
  ]
}

function more(count: number, what: string): string {
  return count > 0 ? `\n… and ${grouped(count)} more ${what}; --json has all` : ''
}

/** Text of a corpus may hold anything, and a terminal obeys some of it. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{C}]+/gu, ' ').trim()
}
