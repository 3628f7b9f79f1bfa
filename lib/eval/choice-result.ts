import type { PartResult } from './results.js'
import { argmax, meanOf, pooled } from './statistics.js'
import type { ChoiceExample, ChoiceTask } from './tasks/task.js'

export type ChoiceMetric = ChoiceTask['metrics'][number]

/** A question with the log-likelihood of each of its choices, in nats. */
export interface ScoredChoice {
  readonly example: ChoiceExample
  readonly logLikelihoods: readonly number[]
}

/** The choice the model takes: by the likelihood itself, and by the likelihood a character. The first one of equals. */
export function chosen({ example, logLikelihoods }: ScoredChoice): Readonly<Record<ChoiceMetric, number>> {
  return {
    acc: argmax(logLikelihoods),
    acc_norm: argmax(logLikelihoods.map((value, i) => value / example.lengths[i]!)),
  }
}

/** Accuracies of a task; with groups, every mean is that over all questions of its parts, as in the harness. */
export function choiceResult(task: ChoiceTask, scored: readonly ScoredChoice[]): PartResult {
  const { groups } = task
  if (!groups) return accuracies(task, task.name, scored)
  const subjects = [...grouped(scored, ({ example }) => example.part!)].map(([subject, of]) =>
    accuracies(task, subject, of),
  )
  const parts = [...grouped(subjects, ({ name }) => groups.get(name)!)].map(([group, of]) => ({
    ...pool(task, group, of),
    parts: of,
  }))
  return { ...pool(task, task.name, subjects), parts }
}

function accuracies(task: ChoiceTask, name: string, scored: readonly ScoredChoice[]): PartResult {
  const right = (metric: ChoiceMetric) =>
    meanOf(scored.map((one) => (chosen(one)[metric] === one.example.target ? 1 : 0)))
  return { name, examples: scored.length, metrics: byMetric(task, right) }
}

function pool(task: ChoiceTask, name: string, parts: readonly PartResult[]): PartResult {
  const of = (metric: ChoiceMetric) =>
    pooled(parts.map(({ examples, metrics }) => ({ examples, ...metrics[metric]! })))
  return {
    name,
    examples: parts.reduce((sum, { examples }) => sum + examples, 0),
    metrics: byMetric(task, of),
  }
}

function byMetric<T>(task: ChoiceTask, of: (metric: ChoiceMetric) => T): Record<string, T> {
  return Object.fromEntries(task.metrics.map((metric) => [metric, of(metric)]))
}

/** In the order of first appearance. */
function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}
