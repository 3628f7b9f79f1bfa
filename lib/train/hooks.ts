import type { EvaluationEvent, SampleEvent, TrainEvent } from '../events.js'
import type { Run } from './run.js'
import { saveRun } from './save.js'

/** Something that happens every so many steps, and once more when all stages are done. */
export interface Hook {
  /** 0: only at the end. */
  readonly everySteps: number
  readonly act: (run: Run) => Promise<TrainEvent>
}

/**
 * All hooks of a run, in the order in which they act after a step. Saving comes first: an evaluation that fails must not
 * cost the steps before it.
 */
export function hooksOf(run: Run): readonly Hook[] {
  const { checkpoint, evaluation, sample } = run.config
  return [
    { everySteps: checkpoint.everySteps, act: saveRun },
    ...(run.validation ? [{ everySteps: evaluation.everySteps, act: evaluateRun }] : []),
    ...(sample.tokens > 0 ? [{ everySteps: sample.everySteps, act: writeSample }] : []),
  ]
}

/** Loss on the validation tokens; the run must have some. */
export async function evaluateRun(run: Run): Promise<EvaluationEvent> {
  const { step, tokens, flops } = run.progress
  return { type: 'evaluation', step, ...(await run.validation!.run()), tokens, flops }
}

async function writeSample(run: Run): Promise<SampleEvent> {
  const { prompt, tokens } = run.config.sample
  let text = ''
  for await (const piece of run.generate(prompt, { maxTokens: tokens, seed: run.config.seed })) text += piece
  return { type: 'sample', step: run.progress.step, prompt, text }
}
