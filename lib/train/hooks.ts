import { evaluateTasks, prepareTasks, type EvaluateTasksOptions } from '../eval/evaluate-tasks.js'
import type { EvaluationEvent, SampleEvent, TasksEvent, TrainEvent } from '../events.js'
import type { Run } from './run.js'

/** Something that happens every so many steps, and once more when all stages are done. */
export interface Hook {
  readonly type: TrainEvent['type']
  /** 0: only at the end. */
  readonly everySteps: number
  /** Undefined: nothing to tell, or told later. */
  readonly act: (run: Run, signal: AbortSignal | undefined) => Promise<TrainEvent | undefined>
}

/**
 * All hooks of a run, in the order in which they act after a step. Saving comes first: an evaluation that fails must not
 * cost the steps before it.
 */
export function hooksOf(run: Run): readonly Hook[] {
  const { checkpoint, evaluation, tasks, sample } = run.config
  return [
    { type: 'checkpoint', everySteps: checkpoint.everySteps, act: beginSave },
    ...(run.validation
      ? [{ type: 'evaluation', everySteps: evaluation.everySteps, act: evaluateRun } as const]
      : []),
    ...(tasks.names.length > 0
      ? [{ type: 'tasks', everySteps: tasks.everySteps, act: scoreOnTasks } as const]
      : []),
    ...(sample.tokens > 0
      ? [{ type: 'sample', everySteps: sample.everySteps, act: writeSample } as const]
      : []),
  ]
}

export function isDue({ everySteps }: Hook, step: number): boolean {
  return everySteps > 0 && step > 0 && step % everySteps === 0
}

async function beginSave(run: Run): Promise<undefined> {
  await run.saver.begin()
}

/** Loss on the validation tokens; the run must have some. Nothing when it was stopped. */
export async function evaluateRun(run: Run, signal?: AbortSignal): Promise<EvaluationEvent | undefined> {
  const { step, tokens, flops } = run.progress
  const result = await run.validation!.run(signal).catch(unlessStopped(signal))
  return result && { type: 'evaluation', step, ...result, tokens, flops }
}

/** @throws {ConfigError} and {DataError} when the tasks that a run is to be scored on cannot be read */
export async function checkTasks(run: Run, signal: AbortSignal | undefined): Promise<void> {
  const { names } = run.config.tasks
  if (names.length > 0) await prepareTasks(run.writer, names, taskOptions(run, signal))
}

function taskOptions({ config }: Run, signal: AbortSignal | undefined): EvaluateTasksOptions {
  const { data, limit } = config.tasks
  return { data, ...(limit > 0 && { limit }), signal }
}

async function scoreOnTasks(run: Run, signal: AbortSignal | undefined): Promise<TasksEvent | undefined> {
  const { names } = run.config.tasks
  const results = await evaluateTasks(run.writer, names, taskOptions(run, signal)).catch(
    unlessStopped(signal),
  )
  return results && { type: 'tasks', step: run.progress.step, results }
}

async function writeSample(run: Run, signal: AbortSignal | undefined): Promise<SampleEvent | undefined> {
  const { prompt, tokens } = run.config.sample
  let text = ''
  for await (const piece of run.generate(prompt, { maxTokens: tokens, seed: run.config.seed })) {
    if (signal?.aborted) return undefined
    text += piece
  }
  return { type: 'sample', step: run.progress.step, prompt, text }
}

function unlessStopped(signal: AbortSignal | undefined): (error: unknown) => undefined {
  return (error) => {
    if (signal?.aborted && error === signal.reason) return undefined
    throw error
  }
}
