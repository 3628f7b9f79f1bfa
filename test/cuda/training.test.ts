// A whole run on the emulated CUDA device: the same trainer, plans, checkpoints and host code as on a real one.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { UserConfig } from '../../lib/config/schema.js'
import type { StepEvent } from '../../lib/events.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import { checkedTrainingDevice, kernelsMissing, trainingDevice } from '../helpers/run-kernel.js'
import { finalState, recordedTrace, temporaryFolder, tinyConfig, train } from '../helpers/tiny-run.js'

/** Ten steps of patches of four tokens, the switch, ten steps token by token; two micro-batches a step. */
function config(folder: string, device: string, out: string): UserConfig {
  return tinyConfig(folder, {
    model: { width: 64, feedForward: 96, layers: 2, heads: 2, kvHeads: 1, headDim: 32 },
    schedule: {
      totalSteps: 20,
      batchTokens: 512,
      context: 32,
      patchSize: 4,
      patchFraction: 0.5,
      microBatchSequences: 2,
    },
    // At a rate of 1e-2 the loss leaps after the switch, on both devices, and multiplies whatever distance the weights have
    // by then (docs/log.md). At this rate the curve is smooth, and what is compared is rounding.
    optimizer: { learningRate: 3e-3, warmupSteps: 2 },
    device,
    out: join(folder, out),
    checkpoint: { everySteps: 6 },
    evaluation: { everySteps: 10, maxTokens: 256 },
    sample: { tokens: 4 },
  })
}

async function run(config: UserConfig) {
  const trainer = await PatchTrainer.create(config)
  try {
    return await train(trainer)
  } finally {
    await trainer.dispose()
  }
}

const losses = (events: Awaited<ReturnType<typeof run>>) =>
  events.filter((event): event is StepEvent => event.type === 'step').map(({ loss }) => loss)

describe.skipIf(kernelsMissing)('a run on CUDA', () => {
  it('follows the loss of the CPU through both stages', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder()
    const cpu = losses(await run(config(folder, 'cpu', 'cpu')))
    const cuda = losses(await run(config(folder, trainingDevice, 'cuda')))
    expect(cuda).toHaveLength(20)
    // A weight, an activation and a gradient are each off by at most 2^-9 of themselves in bf16. A mean loss, which
    // gathers thousands of such errors of either sign, must stay within one of them.
    const errors = cuda.map((loss, step) => Math.abs(loss / cpu[step]! - 1))
    expect(Math.max(...errors)).toBeLessThan(2 ** -9)
    // And it is training: the last loss of each stage is well below its first.
    expect(cuda[9]).toBeLessThan(0.95 * cuda[0]!)
    expect(cuda[19]).toBeLessThan(0.95 * cuda[10]!)
  })

  it('gives the same bits after a stop and a resume', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder()
    const whole = config(folder, trainingDevice, 'whole')
    await run(whole)

    const stopped = config(folder, trainingDevice, 'stopped')
    const first = await PatchTrainer.create(stopped)
    await train(first, 8)
    await first.dispose()
    const second = await PatchTrainer.resume(stopped.out!)
    await train(second)
    await second.dispose()

    expect(recordedTrace(stopped.out!)).toEqual(recordedTrace(whole.out!))
    expect(await finalState(stopped.out!)).toEqual(await finalState(whole.out!))
  })

  it('gives the same bits whatever order threads run in, without a race', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder()
    const short = (device: string, out: string) => {
      const long = config(folder, device, out)
      return { ...long, schedule: { ...long.schedule!, totalSteps: 4 }, sample: { tokens: 2 } }
    }
    const inOrder = short(trainingDevice, 'in-order')
    const shuffled = short(checkedTrainingDevice, 'shuffled')
    await run(inOrder)
    await run(shuffled)
    expect(recordedTrace(shuffled.out!)).toEqual(recordedTrace(inOrder.out!))
    expect(await finalState(shuffled.out!)).toEqual(await finalState(inOrder.out!))
  })
})
