import { evaluateTasks, type EvaluateTasksOptions } from '../../eval/evaluate-tasks.js'
import type { LoadedModel } from '../../eval/model.js'
import type { TaskProgress } from '../../eval/score-task.js'
import { duration, grouped, percent } from '../../report/format.js'
import type { StatusLine } from '../../report/status-line.js'
import type { EvalOutput } from './output.js'
import { tasksText } from './tasks-text.js'

/** Tasks of the harness, and the perplexities. */
export async function runTasks(
  model: LoadedModel,
  names: readonly string[],
  options: Omit<EvaluateTasksOptions, 'onProgress'>,
  status: StatusLine,
): Promise<EvalOutput> {
  status.show('reading the data')
  const tasks = await evaluateTasks(model, names, { ...options, onProgress: progressText(status) })
  return { json: { model: model.source, tasks }, text: tasksText(model.source, tasks) }
}

/** The remaining time of the task at work, from the time its share so far took. */
function progressText(status: StatusLine, now = () => performance.now()): (progress: TaskProgress) => void {
  let task = ''
  let begun = 0
  return (progress) => {
    const first = progress.task !== task
    if (first) [task, begun] = [progress.task, now()]
    const { share, examples, of } = progress
    const left = share > 0 ? ((now() - begun) / 1000) * (1 / share - 1) : NaN
    const eta = share > 0 && share < 1 ? `  ETA ${duration(left)}` : ''
    status.show(
      `${task} ${percent(share)}  ${grouped(examples)} of ${grouped(of)}${eta}`,
      first || share === 1,
    )
  }
}
