// A training of seconds with everything in it: patch stage, switch, token stage, gradient accumulation, checkpoints.
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
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
    // Low enough that a loss hardly depends on roundings: at 3e-3 a learning rate changed by 0.1 % moves single losses of the
    // token stage by up to 0.8 % on the CPU alone, and bf16 by 2.7 %, up or down with the seed; at 1e-3 bf16 by 0.05 %.
    optimizer: { learningRate: 1e-3, warmupSteps: Math.floor(steps / 8) },
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
  return inFolder(async (folder) => finish(await PatchTrainer.create(within(folder, config)), folder))
}

/**
 * Trains to the end with a checkpoint on the way, then forgets what came after `step` and resumes from there: two ways
 * from one checkpoint to the end, which must be the same to the bit. (Not two trainings: which algorithm computes a
 * product is chosen by timing, once a run, and a resumed run takes over the choice.)
 */
export async function trainTwiceFrom(config: UserConfig, step: number): Promise<[Trained, Trained]> {
  return inFolder(async (folder) => {
    const complete = { ...within(folder, config), checkpoint: { everySteps: step, keep: 1000 } }
    const whole = await finish(await PatchTrainer.create(complete), folder)
    for (const checkpoint of await listCheckpoints(join(complete.out, 'checkpoints')))
      if (checkpoint.step > step) rmSync(checkpoint.path, { recursive: true })
    const resumed = await finish(await PatchTrainer.resume(complete.out), folder)
    return [{ ...whole, losses: whole.losses.slice(step) }, resumed]
  })
}

function within(folder: string, config: UserConfig): UserConfig & { out: string } {
  return { ...config, out: join(folder, 'run'), data: { ...config.data, cache: join(folder, 'tokens') } }
}

async function finish(trainer: PatchTrainer, folder: string): Promise<Trained> {
  try {
    return { losses: await lossesOf(trainer), weights: await weightsOf(trainer, folder) }
  } finally {
    await trainer.dispose()
  }
}

async function lossesOf(trainer: PatchTrainer): Promise<number[]> {
  const losses: number[] = []
  for await (const event of trainer.train()) if (event.type === 'step') losses.push(event.loss)
  return losses
}

async function weightsOf(trainer: PatchTrainer, folder: string): Promise<string> {
  const model = join(folder, 'model')
  await trainer.export(model, { dtype: 'f32', overwrite: true })
  return createHash('sha256')
    .update(readFileSync(join(model, 'model.safetensors')))
    .digest('hex')
}
