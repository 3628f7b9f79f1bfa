import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { HealthEvent } from '../../lib/events.js'
import { readMetrics } from '../../lib/report/metrics.js'
import { replayStep } from '../../lib/train/replay.js'
import { kernelsMissing } from '../helpers/emulator.js'
import { trainingDevice } from '../helpers/run-kernel.js'
import { runTiny, temporaryFolder, tinyConfig } from '../helpers/tiny-run.js'

it.skipIf(kernelsMissing)(
  'on CUDA, too, a spike is left out where it is computed, and found again with the same bits',
  async () => {
    const folder = temporaryFolder()
    await runTiny(
      tinyConfig(folder, {
        device: trainingDevice,
        model: { width: 32, feedForward: 48, layers: 1, heads: 1, kvHeads: 1, headDim: 32 },
        schedule: {
          totalSteps: 4,
          batchTokens: 256,
          context: 16,
          patchSize: 1,
          patchFraction: 0,
          microBatchSequences: 8,
        },
        optimizer: { learningRate: 1e-2, warmupSteps: 0 },
        checkpoint: { everySteps: 2 },
        evaluation: { everySteps: 0, maxTokens: 16 },
        sample: { tokens: 0 },
        // After two steps nearly everything above their mean is a spike.
        health: { spike: 'skip', window: 2, spikeDeviations: 1e-6 },
      }),
    )
    const run = join(folder, 'run')
    const found = readMetrics(join(run, 'metrics.jsonl')).filter(
      (line): line is HealthEvent => line.type === 'health',
    )
    expect(found.length).toBeGreaterThan(0)
    expect(found[0]).toMatchObject({ finding: 'spike', action: 'skip' })
    const replay = await replayStep(run, found[0]!.step)
    expect(replay).toMatchObject({
      same: { loss: true, gradientNorm: true, batch: true },
      nowFound: { finding: 'spike', action: 'skip', deviations: found[0]!.deviations },
    })
    expect(replay.now.skipped).toBe(true)
    const losses = replay.sequences.map(({ loss }) => loss)
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
    expect(Math.abs(mean / replay.now.loss - 1)).toBeLessThanOrEqual(256 * 2 ** -53) // sums of 240 losses
  },
)
