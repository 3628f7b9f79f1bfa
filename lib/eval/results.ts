import type { Estimate } from './statistics.js'

/** What a task, or a part of it, came to. */
export interface PartResult {
  readonly name: string
  /** Questions, documents, or blocks of a text. */
  readonly examples: number
  /** By the harness' names; accuracies are shares, not percents. */
  readonly metrics: Readonly<Record<string, Estimate>>
  /** Of MMLU: its four groups, and of these their subjects. */
  readonly parts?: readonly PartResult[]
}

export interface TaskResult extends PartResult {
  /** As the paper's table calls it. */
  readonly title: string
  readonly version: number
  readonly shots: number
  /** Which of the metrics the paper's table shows. */
  readonly metric: string
}
