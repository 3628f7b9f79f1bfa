import { join } from 'node:path'
import { createProgress } from '../report/progress.js'
import { createStatusLine } from '../report/status-line.js'
import type { PrepareProgress } from '../train/corpus.js'
import type { TrainEvent } from '../events.js'
import type { PatchTrainer } from '../train/trainer.js'
import type { CliContext } from './command.js'
import { exitCode } from './exit.js'
import { showPreparation } from './prepare-text.js'
import { sayStopping, untilStopped, type Outcome, type StopSignal } from './signals.js'

export interface OpenOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: PrepareProgress) => void
}

/** How far a training process came. */
interface Followed {
  /** Steps done by this process. */
  readonly steps: number
  readonly reason: 'done' | 'stopped' | undefined
}

const trainingSignals: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGPIPE']

/**
 * Opens a trainer and follows it to its end, or to a signal: then the step is finished, a checkpoint saved, and the
 * exit code is the signal's.
 *
 * @param json each event as a line of JSON on stdout, too
 */
export async function followTraining(
  open: (options: OpenOptions) => Promise<PatchTrainer>,
  json: boolean,
  context: CliContext,
): Promise<number> {
  const preparing = createStatusLine(context.terminal)
  const progress = createProgress(context.terminal)
  let prepared = false
  const work = async (signal: AbortSignal): Promise<Followed> => {
    const trainer = await open({ signal, onProgress: showPreparation(preparing) })
    prepared = true
    preparing.close()
    try {
      let steps = 0
      let last: TrainEvent | undefined
      for await (const event of trainer.train({ signal })) {
        progress.event(event)
        if (json) context.stdout.write(`${JSON.stringify(event)}\n`)
        if (event.type === 'step') steps++
        last = event
      }
      const reason = last?.type === 'end' ? last.reason : undefined
      if (reason === 'done') sayWhatIsThere(trainer.config.out, progress.note)
      if (reason === 'stopped') progress.note(`go on with: patchtrain resume ${trainer.config.out}`)
      return { steps, reason }
    } finally {
      await trainer.dispose()
    }
  }
  const stopping = sayStopping(context.terminal, 'finishing the step and saving a checkpoint')
  const givingUp = sayStopping(context.terminal, 'stopping; no step has been done yet')
  try {
    const outcome = await untilStopped(
      work,
      (signal) => {
        preparing.close()
        progress.close()
        ;(prepared ? stopping : givingUp)(signal)
      },
      { signals: trainingSignals },
    )
    return codeOf(outcome)
  } finally {
    preparing.close()
    progress.close()
  }
}

/** 0 with steps undone only where SIGUSR2 asked for just that: steps were done, and saved. */
function codeOf({ value, stoppedBy, stoppedWith }: Outcome<Followed>): number {
  if (value?.reason === 'done') return exitCode.ok
  if (stoppedBy === 'SIGUSR2' && value?.reason === 'stopped' && value.steps > 0) return exitCode.ok
  return stoppedWith ?? exitCode.failure
}

function sayWhatIsThere(folder: string, note: (text: string) => void): void {
  note(`losses  ${join(folder, 'loss.svg')}\nmodel   ${join(folder, 'model')}`)
}
