import type { Row } from '../../data/read/rows.js'

/** What a task asks of a model, before there are tokens. */

/** The likelihood of `continuation` after `context` is asked for. */
export interface Request {
  readonly context: string
  readonly continuation: string
}

/** A question with its possible answers; the likeliest is the model's choice. */
export interface ChoiceExample {
  /** Number of its row in the data file, from 0. */
  readonly index: number
  /** The part of the task it counts to: MMLU's subject. */
  readonly part?: string
  /** One for each choice. */
  readonly requests: readonly Request[]
  /** Characters of each choice, which `acc_norm` divides by. */
  readonly lengths: readonly number[]
  /** The right choice, from 0. */
  readonly target: number
}

/** A document whose whole text is scored. */
export interface TextExample {
  readonly index: number
  readonly text: string
  /** Of the text as it stands in the data, before any preprocessing. */
  readonly words: number
  readonly bytes: number
}

/** One file of a task's data. */
export interface TaskFile {
  /** What it is, for errors: `validation`, `dev`. */
  readonly split: string
  /** Names it goes by, relative to the data folder; `*` stands for any characters within a name. The first found counts. */
  readonly names: readonly string[]
  /** Only read with shots. */
  readonly forShots?: boolean
  /** Only read where it exists. */
  readonly optional?: boolean
}

/** Files of a task, by split, as rows. */
export type TaskData = ReadonlyMap<string, AsyncIterable<Row>>

export interface BuildOptions {
  /** Worked examples put before each question. */
  readonly shots: number
  /** Only the first examples: of the task, or of each of its parts. */
  readonly limit: number
}

interface TaskBase {
  /** As the harness calls it. */
  readonly name: string
  /** As the paper's table calls it. */
  readonly title: string
  /** Goes up when prompts or scores of the task change; logs of other versions are not gone on with. */
  readonly version: number
  /** What the paper's table shows of it. */
  readonly metric: string
  readonly files: readonly TaskFile[]
  /** Where the data comes from, for who does not have it. */
  readonly source: string
}

export interface ChoiceTask extends TaskBase {
  readonly kind: 'choice'
  /** All metrics of the harness for this task. */
  readonly metrics: readonly ('acc' | 'acc_norm')[]
  /** The most shots there is data for; 0 where the harness would draw them at random from training data. */
  readonly maxShots: number
  /** Parts belong to groups, which get means of their own: MMLU's four. */
  readonly groups?: ReadonlyMap<string, string>
  examples(data: TaskData, options: BuildOptions): AsyncIterable<ChoiceExample>
}

/** Scored as a whole, document by document (`rolling`, the harness) or in joined blocks (`blocks`, the paper). */
export interface TextTask extends TaskBase {
  readonly kind: 'rolling' | 'blocks'
  examples(data: TaskData, options: BuildOptions): AsyncIterable<TextExample>
}

export type Task = ChoiceTask | TextTask
