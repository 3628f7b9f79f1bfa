import { completeConfig } from '../../lib/config/complete.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { RunConfig } from '../../lib/config/types.js'
import type { HealthEvent, StartEvent, StepEvent, TrainEvent } from '../../lib/events.js'

/** Made-up events of a run with 60 patch steps and 30 token steps. */

export const config: RunConfig = completeConfig(
  resolveConfig({
    name: 'made-up',
    model: '1m',
    data: { train: 'a.txt' },
    schedule: { totalSteps: 90, batchTokens: 4096, context: 128 },
  }),
  { vocabSize: 258 },
)

export function startEvent(step = 0): StartEvent {
  return {
    type: 'start',
    config,
    device: 'cpu (test)',
    deviceNotes: [],
    parameters: 870_016,
    step,
    totalSteps: 90,
    totalTokens: 90 * 4096,
  }
}

export function stepEvent(step: number): StepEvent {
  const stage = step <= 60 ? 0 : 1
  const patchSize = stage === 0 ? 4 : 1
  return {
    type: 'step',
    step,
    stage,
    patchSize,
    loss: 2 + 3 / step,
    gradientNorm: 0.5,
    learningRate: 3e-4,
    tokens: step * 4096,
    flops: 1e9 * (Math.min(step, 60) / 4 + Math.max(0, step - 60)),
    seconds: 1 / patchSize,
    tokensPerSecond: 4096 * patchSize,
    batch: { firstSample: step * 8, sequences: 8, tokensHash: '0123456789abcdef0123456789abcdef' },
  }
}

export function healthEvent(step: number, changes: Partial<HealthEvent> = {}): HealthEvent {
  return {
    type: 'health',
    step,
    stage: 0,
    finding: 'spike',
    action: 'skip',
    loss: 9,
    gradientNorm: null,
    deviations: { loss: 7, gradientNorm: null },
    batch: stepEvent(step).batch,
    incident: 1,
    budgetLeft: 9,
    ...changes,
  }
}

export function wholeRun(): TrainEvent[] {
  const events: TrainEvent[] = [startEvent()]
  for (let step = 1; step <= 90; step++) {
    if (step === 1 || step === 61) {
      const index = step === 1 ? 0 : 1
      events.push({ type: 'stage', index, stage: config.stages[index]!, step: step - 1 })
    }
    const { tokens, flops, loss } = stepEvent(step)
    events.push(stepEvent(step))
    if (step % 30 === 0) {
      events.push({
        type: 'evaluation',
        step,
        loss,
        perplexity: Math.exp(loss),
        bitsPerByte: loss / Math.LN2,
        tokens,
        flops,
      })
    }
  }
  events.push({ type: 'end', reason: 'done', step: 90, tokens: 90 * 4096, seconds: 45 })
  return events
}
