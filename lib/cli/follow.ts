import { join } from 'node:path'
import { createProgress } from '../report/progress.js'
import { createStatusLine } from '../report/status-line.js'
import type { PrepareProgress } from '../train/corpus.js'
import type { TrainEvent } from '../events.js'
import type { PatchTrainer } from '../train/trainer.js'
import type { CliContext } from './command.js'
import { exitCode } from './exit.js'
import { showPreparation } from './prepare-text.js'
import { sayStopping, untilStopped } from './signals.js'

export interface OpenOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: PrepareProgress) => void
}

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
  const work = async (signal: AbortSignal): Promise<TrainEvent | undefined> => {
    const trainer = await open({ signal, onProgress: showPreparation(preparing) })
    preparing.close()
    try {
      let last: TrainEvent | undefined
      for await (const event of trainer.train({ signal })) {
        progress.event(event)
        if (json) context.stdout.write(`${JSON.stringify(event)}\n`)
        last = event
      }
      if (last?.type === 'end' && last.reason === 'done') sayWhatIsThere(trainer.config.out, progress.note)
      return last
    } finally {
      await trainer.dispose()
    }
  }
  try {
    const stopping = sayStopping(context.terminal, 'finishing the step and saving a checkpoint')
    const { value, stoppedWith } = await untilStopped(work, (signal) => {
      preparing.close()
      progress.close()
      stopping(signal)
    })
    if (value?.type === 'end' && value.reason === 'done') return exitCode.ok
    return stoppedWith ?? exitCode.failure
  } finally {
    preparing.close()
    progress.close()
  }
}

function sayWhatIsThere(folder: string, note: (text: string) => void): void {
  note(`losses  ${join(folder, 'loss.svg')}\nmodel   ${join(folder, 'model')}`)
}
