import type { RunConfig, StageConfig } from '../config/types.js'
import { ConfigError } from '../errors.js'
import type { HealthEvent, StepEvent } from '../events.js'
import { readMetrics } from '../report/metrics.js'
import type { PrepareOptions } from './corpus.js'
import { explainDeviceError } from './memory.js'
import { totalSteps } from './progress.js'
import {
  incidentAfter,
  jumpsBefore,
  recordedStep,
  sameBatch,
  type Jump,
  type RecordedStep,
} from './replay-route.js'
import { beginLeg, goTo, sameValue, startBefore, type WalkOptions } from './replay-walk.js'
import { readRunConfig, recordedData, runFolder } from './run-folder.js'
import type { Run } from './run.js'
import {
  gradientsByParameter,
  WatchedBatches,
  type ParameterGradient,
  type SequenceLoss,
} from './step-anatomy.js'
import { takeStep } from './step.js'
import { prepare } from './trainer.js'

export interface ReplayOptions extends PrepareOptions, WalkOptions {
  /** Another device than the run's; its numbers then agree within rounding, not bit for bit. */
  readonly device?: string
  /** Threads of the CPU backend, else the run's; results do not depend on it. */
  readonly threads?: number
}

/** A step of a run's past, computed again. Values that are not finite are NaN or infinite; JSON makes null of them. */
export interface StepReplay {
  readonly step: number
  readonly stage: StageConfig
  /** What it was computed on, for people. */
  readonly device: string
  /** Step of the checkpoint that the replay began from; 0: the initial weights. */
  readonly from: number
  /** The first step on the way whose loss or norm was not what metrics.jsonl says. */
  readonly strayedAt?: number
  /** What metrics.jsonl says: the step's line, where it was finished and still counts; what was found in it. */
  readonly recorded: RecordedStep
  /** What came of it now. */
  readonly now: StepEvent
  readonly nowFound?: Pick<HealthEvent, 'finding' | 'action' | 'deviations'>
  /** Whether the two are equal, bit for bit; whether the batch holds the same tokens. */
  readonly same: { readonly loss: boolean; readonly gradientNorm: boolean; readonly batch: boolean }
  /** The greatest loss first. */
  readonly sequences: readonly SequenceLoss[]
  /** Those that are not finite first, then the greatest norm. */
  readonly gradients: readonly ParameterGradient[]
  /** Largest magnitude of a finite element of the gradient. */
  readonly largestGradient: number
}

/**
 * Computes a step of a run again, from the newest whole checkpoint before it or from the initial weights, and takes it
 * apart: the loss of every sequence, the gradient of every parameter. Nothing is written, no lock is taken: the run may go
 * on meanwhile.
 * @param step as metrics.jsonl counts, from 1
 * @throws {ConfigError} when no such step was taken
 * @throws {CheckpointError} when the checkpoint belongs to other data, tokenizer or configuration
 */
export async function replayStep(
  folder: string,
  step: number,
  options: ReplayOptions = {},
): Promise<StepReplay> {
  const places = runFolder(folder)
  const config = replayedConfig(readRunConfig(places), folder, options)
  const lines = readMetrics(places.metrics)
  refuseOtherNumbers(config, step)
  const recorded = recordedStep(lines, step)
  const run = await prepare({ ...config, data: recordedData(config) }, options, () => config)
  try {
    const before = incidentAfter(recorded)
    await startBefore(run, step, lines, before, options)
    const from = run.progress.step
    const jumps = jumpsBefore(lines, before)
    const strayedAt = await goTo(run, step - 1, jumps, lines, options)
    const found = await takeApart(run, jumps)
    return {
      step,
      stage: config.stages[found.now.stage]!,
      device: run.device.describe(),
      from,
      ...(strayedAt !== undefined && { strayedAt }),
      recorded,
      ...found,
      same: comparison(recorded, found.now),
    }
  } catch (error) {
    throw explainDeviceError(run.device, config, error)
  } finally {
    await run.close()
  }
}

function replayedConfig(config: RunConfig, folder: string, { device, threads }: ReplayOptions): RunConfig {
  return {
    ...config,
    out: folder,
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
  }
}

function refuseOtherNumbers(config: RunConfig, step: number): void {
  const steps = totalSteps(config)
  if (Number.isSafeInteger(step) && step >= 1 && step <= steps) return
  throw new ConfigError(`There is no step ${step}: the run has steps 1 … ${steps}. Give one of them.`, {
    path: 'step',
  })
}

/** The step itself, with everything about it. */
async function takeApart(run: Run, jumps: readonly Jump[]) {
  await beginLeg(run, jumps)
  const batches = new WatchedBatches(run)
  try {
    const { step, health } = await takeStep(run, batches)
    const gradients = await gradientsByParameter(run.engine.optimizer.gradients)
    return {
      now: step,
      ...(health && { nowFound: pick(health) }),
      sequences: await batches.sequences(step.batch.firstSample),
      gradients,
      largestGradient: Math.max(...gradients.map(({ largest }) => largest)),
    }
  } finally {
    await batches.close()
  }
}

function pick({ finding, action, deviations }: HealthEvent): StepReplay['nowFound'] & object {
  return { finding, action, deviations }
}

function comparison(recorded: RecordedStep, now: StepEvent): StepReplay['same'] {
  const then = (recorded.taken ?? recorded.finding)!
  return {
    loss: sameValue(then.loss, now.loss),
    gradientNorm: sameValue(then.gradientNorm, now.gradientNorm),
    batch: sameBatch(then.batch, now.batch),
  }
}
