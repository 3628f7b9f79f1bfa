import type { PartResult, TaskResult } from '../../eval/results.js'
import type { Estimate } from '../../eval/statistics.js'
import { grouped } from '../../report/format.js'
import { table } from '../../report/table.js'

/** The metric that the paper reports of each task, as its table has them, then every metric with its standard error. */
export function tasksText(source: string, tasks: readonly TaskResult[]): string {
  const parts = [`model  ${source}`, paperTable(tasks), metricTable(tasks)]
  return parts.join('\n\n')
}

/** Accuracies in percent; their plain mean at the end, when there are several. */
function paperTable(tasks: readonly TaskResult[]): string {
  const shown = tasks.map((task) => ({ task, estimate: task.metrics[task.metric]! }))
  const accuracies = shown.filter(({ task }) => isShare(task.metric)).map(({ estimate }) => estimate.value)
  const average = accuracies.reduce((a, b) => a + b, 0) / accuracies.length
  const withAverage = accuracies.length > 1
  return table(
    [
      ...tasks.map(({ title }) => ({ title, right: true })),
      ...(withAverage ? [{ title: 'avg', right: true }] : []),
    ],
    [
      [
        ...shown.map(({ task, estimate }) => valueText(task.metric, estimate.value, 1)),
        ...(withAverage ? [valueText('acc', average, 1)] : []),
      ],
    ],
  )
}

function metricTable(tasks: readonly TaskResult[]): string {
  const right = true
  return table(
    [
      { title: 'task' },
      { title: 'shots', right },
      { title: 'examples', right },
      { title: 'metric' },
      { title: 'value', right },
      { title: '±', right },
    ],
    tasks.flatMap((task) => [
      ...metricRows(task, task.name, String(task.shots)),
      ...(task.parts ?? []).flatMap((part) => metricRows(part, `  ${part.name}`, '')),
    ]),
  )
}

function metricRows({ metrics, examples }: PartResult, name: string, shots: string): string[][] {
  return Object.entries(metrics).map(([metric, estimate], i) => [
    ...(i === 0 ? [name, shots, grouped(examples)] : ['', '', '']),
    metric,
    valueText(metric, estimate.value, 2),
    errorText(metric, estimate),
  ])
}

function isShare(metric: string): boolean {
  return metric.startsWith('acc')
}

function valueText(metric: string, value: number, digits: number): string {
  if (isShare(metric)) return (100 * value).toFixed(digits)
  // A perplexity in the tens has two digits in the paper; one in the millions says nothing in its last ones.
  return value < 1e4
    ? value.toFixed(digits + (metric === 'loss' || metric === 'bits_per_byte' ? 2 : 0))
    : value.toExponential(2)
}

function errorText(metric: string, { stderr }: Estimate): string {
  return stderr === null ? '' : valueText(metric, stderr, 2)
}
