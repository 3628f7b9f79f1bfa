import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readMetrics } from '../../lib/report/metrics.js'
import type { UserConfig } from '../../lib/config/schema.js'
import { openCheckpoint } from '../../lib/checkpoint/open.js'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import type { StepEvent, TrainEvent } from '../../lib/events.js'
import { PatchTrainer } from '../../lib/train/trainer.js'

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A run of a second or less: K = 4 for four steps, then K = 1 for four; two micro-batches a step. */
export function tinyConfig(folder: string, changes: Partial<UserConfig> = {}): UserConfig {
  return {
    name: 'tiny',
    model: { width: 32, feedForward: 48, layers: 2, heads: 2, kvHeads: 1, headDim: 16 },
    data: { train: 'data/tinyshakespeare.txt', cache: join(folder, 'tokens'), validationFraction: 0.002 },
    schedule: {
      totalSteps: 8,
      batchTokens: 512,
      context: 32,
      patchSize: 4,
      patchFraction: 0.5,
      microBatchSequences: 2,
    },
    optimizer: { learningRate: 1e-2, warmupSteps: 1 },
    out: join(folder, 'run'),
    seed: 7,
    checkpoint: { everySteps: 2 },
    evaluation: { everySteps: 4, maxTokens: 1024 },
    sample: { tokens: 8 },
    ...changes,
  }
}

/** Trains to the end, or until `stopAfter` steps are done. */
export async function train(trainer: PatchTrainer, stopAfter = Infinity): Promise<TrainEvent[]> {
  const events: TrainEvent[] = []
  const controller = new AbortController()
  for await (const event of trainer.train({ signal: controller.signal })) {
    events.push(event)
    if (event.type === 'step' && event.step >= stopAfter) controller.abort()
  }
  return events
}

export async function runTiny(config: UserConfig): Promise<TrainEvent[]> {
  const trainer = await PatchTrainer.create(config)
  try {
    return await train(trainer)
  } finally {
    await trainer.dispose()
  }
}

/** Losses and norms, bit for bit: JSON prints enough digits to tell any two doubles apart. */
export function trace(events: readonly { type: string }[]): [number, number, number][] {
  return events
    .filter((event): event is StepEvent => event.type === 'step')
    .map(({ step, loss, gradientNorm }) => [step, loss, gradientNorm])
}

export function recordedTrace(run: string): [number, number, number][] {
  return trace(readMetrics(join(run, 'metrics.jsonl')))
}

/** Hashes of weights, m and v in the newest checkpoint. */
export async function finalState(run: string): Promise<Record<string, string>> {
  const [newest] = await listCheckpoints(join(run, 'checkpoints'))
  const { files } = await openCheckpoint(newest!.path)
  return Object.fromEntries(Object.entries(files).map(([name, { sha256 }]) => [name, sha256]))
}
