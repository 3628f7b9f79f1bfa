// Whole training steps, as the trainer does them but for reading text: forward, backward, clip, AdamW, and the loss read.
import { performance } from 'node:perf_hooks'
import { completeConfig } from '../../lib/config/complete.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { RunConfig } from '../../lib/config/types.js'
import { trainingFlops } from '../../lib/model/flops.js'
import type { Device } from '../../lib/native/device.js'
import { Engine } from '../../lib/train/engine.js'
import { integers } from '../../test/helpers/random-data.js'
import { summary } from '../measure.js'
import { patches, type CudaSizes } from './sizes.js'

export interface StepMeasurement {
  readonly patch: number
  readonly milliseconds: number
  readonly spread: number
  readonly tokensPerSecond: number
  /** Model FLOPs, forward and backward; causal attention counted by half. */
  readonly flops: number
  /** Main-thread time of one step. */
  readonly javascriptMilliseconds: number
  /** Device memory that the run took, workspace and libraries included. */
  readonly peakBytes: number
  readonly sequences: number
}

const warmUpSteps = 3 // launched one by one, captured, replayed
const leastSteps = 3
const mostSteps = 10
const mostSeconds = 4

/** A device of its own for each model: everything is freed with it. */
export async function* measureSteps(
  device: Device,
  sizes: CudaSizes,
  preset: string,
): AsyncGenerator<StepMeasurement, void, void> {
  const before = device.memory().free
  const config = configOf(sizes, preset)
  const engine = new Engine(device, config)
  await engine.initialise()
  for (const [index, stage] of config.stages.entries()) {
    const { batchSequences: B, context: T, patchSize: K } = stage
    const batch = integers(B * T * K, sizes.vocabulary, 1)
    const step = (update: number) => engine.step(index, () => Promise.resolve(batch), 3e-4, update)
    const seconds: number[] = []
    for (let i = 1; i <= warmUpSteps; i++) await step(i)
    const loop = performance.eventLoopUtilization()
    const began = performance.now()
    while (
      seconds.length < leastSteps ||
      (seconds.length < mostSteps && performance.now() - began < 1000 * mostSeconds)
    ) {
      const start = performance.now()
      const { loss } = await step(warmUpSteps + 1 + seconds.length)
      seconds.push((performance.now() - start) / 1000)
      if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`)
    }
    const { active } = performance.eventLoopUtilization(loop)
    const median = summary(seconds)
    yield {
      patch: K,
      milliseconds: 1000 * median.seconds,
      spread: median.spread,
      tokensPerSecond: (B * T * K) / median.seconds,
      flops: trainingFlops(config.model, B * T, T),
      javascriptMilliseconds: active / seconds.length,
      peakBytes: before - device.memory().free,
      sequences: B,
    }
  }
}

/** Equal positions in every stage: what differs is what K costs. */
function configOf(sizes: CudaSizes, preset: string): RunConfig {
  const draft = resolveConfig({
    model: { ...sizes.presets[preset]!, vocabSize: sizes.vocabulary },
    data: { train: 'random tokens' },
    stages: [...patches].map((patchSize) => ({
      patchSize,
      steps: 100,
      context: sizes.positions,
      batchSequences: sizes.stepSequences[preset]!,
      microBatchSequences: sizes.stepSequences[preset]!,
    })),
  })
  return completeConfig(draft, {})
}
