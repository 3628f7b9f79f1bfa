// A training of seconds with everything in it: patch stage, switch, token stage, gradient accumulation, checkpoints.
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UserConfig } from '../../lib/config/schema.js'
import { packageRoot } from '../../lib/native/load.js'
import { PatchTrainer } from '../../lib/train/trainer.js'

export interface TinySize {
  readonly steps: number
  /** T */
  readonly context: number
}

export interface Trained {
  readonly losses: readonly number[]
  /** Hash of the exported weights, fp32. */
  readonly weights: string
}

/** Text is read byte by byte, so V is 259, which is no multiple of anything. */
export function tinyRun(
  device: string,
  { steps, context }: TinySize,
  changes: Partial<UserConfig> = {},
): UserConfig {
  return {
    name: 'gpu-check',
    model: { width: 128, feedForward: 176, layers: 2, heads: 2, kvHeads: 1, headDim: 64 },
    data: { train: [join(packageRoot(), 'data/tinyshakespeare.txt')], validationFraction: 0.002 },
    schedule: {
      totalSteps: steps,
      batchTokens: 8 * context,
      context,
      patchSize: 4,
      patchFraction: 0.5,
      microBatchSequences: 1,
    },
    optimizer: { learningRate: 3e-3, warmupSteps: Math.floor(steps / 8) },
    checkpoint: { everySteps: 0 },
    evaluation: { everySteps: 0, maxTokens: 512 },
    sample: { tokens: 8 },
    seed: 7,
    device,
    ...changes,
  }
}

/** Does `work` with a folder that is gone afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-gpu-check-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Trains to the end, in a folder of its own. */
export async function train(config: UserConfig): Promise<Trained> {
  return inFolder(async (folder) => {
    const trainer = await PatchTrainer.create(within(folder, config))
    try {
      return { losses: await lossesOf(trainer), weights: await weightsOf(trainer, folder) }
    } finally {
      await trainer.dispose()
    }
  })
}

/** Stops after `steps` steps and goes on with another trainer; the losses of both. */
export async function trainInTwoParts(config: UserConfig, steps: number): Promise<Trained> {
  return inFolder(async (folder) => {
    const complete = within(folder, config)
    const first = await PatchTrainer.create(complete)
    const losses = await lossesOf(first, steps).finally(() => first.dispose())
    const second = await PatchTrainer.resume(complete.out)
    try {
      losses.push(...(await lossesOf(second)))
      return { losses, weights: await weightsOf(second, folder) }
    } finally {
      await second.dispose()
    }
  })
}

function within(folder: string, config: UserConfig): UserConfig & { out: string } {
  return { ...config, out: join(folder, 'run'), data: { ...config.data, cache: join(folder, 'tokens') } }
}

async function lossesOf(trainer: PatchTrainer, stopAfter = Infinity): Promise<number[]> {
  const controller = new AbortController()
  const losses: number[] = []
  for await (const event of trainer.train({ signal: controller.signal })) {
    if (event.type !== 'step') continue
    losses.push(event.loss)
    if (event.step >= stopAfter) controller.abort()
  }
  return losses
}

async function weightsOf(trainer: PatchTrainer, folder: string): Promise<string> {
  const model = join(folder, 'model')
  await trainer.export(model, { dtype: 'f32' })
  return createHash('sha256')
    .update(readFileSync(join(model, 'model.safetensors')))
    .digest('hex')
}
