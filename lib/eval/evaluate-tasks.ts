import { ConfigError } from '../errors.js'
import type { EvaluatedModel } from './evaluated-model.js'
import { modelFingerprint } from './fingerprint.js'
import { prepareTask, type PreparedTask } from './prepare.js'
import type { TaskResult } from './results.js'
import { SampleLog } from './sample-log.js'
import { scoreTask, type TaskProgress } from './score-task.js'
import { openTaskData } from './tasks/files.js'
import { findTasks } from './tasks/registry.js'
import type { Task } from './tasks/task.js'

export interface EvaluateTasksOptions {
  /** Folder of the data sets, see docs/evaluation.md. */
  readonly data: string
  /** Only the first examples of each task, of MMLU those of each subject; as in the harness. Default: all. */
  readonly limit?: number
  /** Worked examples before each question; only MMLU has them, up to 5. Default: 0. */
  readonly shots?: number
  /** T: positions the model reads at a time. Default: what it was trained with. */
  readonly context?: number
  /** BOS before every text. Default: true, as LLaMA tokenizers have it in the harness. */
  readonly bos?: boolean
  /** File with a line for every example. What it holds already is not scored again. */
  readonly samples?: string
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: TaskProgress) => void) | undefined
}

/**
 * Scores a model on tasks, exactly as the harness of EleutherAI does (lm-evaluation-harness 0.4.13); `wikitext103` as the
 * paper does. All data is read and checked before anything is scored.
 * @param names tasks, or `paper` for those of the paper's table
 * @throws {ConfigError} for unknown tasks and options that make no sense
 * @throws {DataError} for data that is missing or malformed, and for a log of other samples
 */
export async function evaluateTasks(
  model: EvaluatedModel,
  names: readonly string[],
  options: EvaluateTasksOptions,
): Promise<TaskResult[]> {
  const { shots = 0, context = model.context, bos = true, signal } = options
  const prepared = await prepareTasks(model, names, options)
  const log =
    options.samples === undefined
      ? undefined
      : await SampleLog.open(options.samples, { model: await modelFingerprint(model), context, bos })
  try {
    const results: TaskResult[] = []
    for (const one of prepared) {
      const likelihoods = await scoreTask(model, one, { log, signal, onProgress: options.onProgress })
      const { title, version, metric } = one.task
      results.push({ title, version, shots, metric, ...one.result(likelihoods) })
    }
    return results
  } finally {
    await log?.close()
  }
}

/**
 * Reads and checks all data of the tasks. A run does so before it begins: days later would be late.
 * @throws {ConfigError} and {DataError} as evaluateTasks does
 */
export async function prepareTasks(
  model: Pick<EvaluatedModel, 'tokenizer' | 'context'>,
  names: readonly string[],
  options: EvaluateTasksOptions,
): Promise<PreparedTask[]> {
  if (!Array.isArray(names)) refuse('tasks', names, "a list of names, ['hellaswag'] say")
  for (const key of Object.keys(options))
    if (!known.has(key))
      refuse(key, options[key as keyof EvaluateTasksOptions], `left out; there is no such option`)
  if (typeof options.data !== 'string' || options.data === '')
    refuse('data', options.data, 'the folder of the data sets')
  const tasks = findTasks(names)
  const { limit = Infinity, shots = 0, context = model.context, bos = true, signal } = options
  check(tasks, { limit, shots, context })
  const encoding = { tokenizer: model.tokenizer, positions: context, bos }
  const prepared: PreparedTask[] = []
  for (const task of tasks) {
    signal?.throwIfAborted()
    const data = await openTaskData(task, options.data, shots)
    prepared.push(await prepareTask(task, data, encoding, { shots, limit }))
  }
  return prepared
}

const known: ReadonlySet<string> = new Set([
  ...['data', 'limit', 'shots', 'context', 'bos', 'samples', 'signal', 'onProgress'],
])

function refuse(path: string, value: unknown, needed: string): never {
  throw new ConfigError(`${path} is ${String(value)}; it must be ${needed}.`, { path })
}

function check(tasks: readonly Task[], o: { limit: number; shots: number; context: number }): void {
  const whole = (value: number, least: number) => Number.isSafeInteger(value) && value >= least
  if (o.limit !== Infinity && !whole(o.limit, 1)) refuse('limit', o.limit, 'a whole number, 1 or more')
  if (!whole(o.context, 2)) refuse('context', o.context, 'a whole number, 2 or more')
  if (!whole(o.shots, 0)) refuse('shots', o.shots, 'a whole number, 0 or more')
  for (const task of tasks) {
    const most = task.kind === 'choice' ? task.maxShots : 0
    if (o.shots > most)
      refuse('shots', o.shots, most === 0 ? `0 with ${task.name}` : `at most ${most} with ${task.name}`)
  }
}
