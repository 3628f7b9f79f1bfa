import { completeConfig } from '../config/complete.js'
import type { DraftConfig } from '../config/draft.js'
import { resolveConfig } from '../config/resolve.js'
import type { UserConfig } from '../config/schema.js'
import type { RunConfig, StageConfig } from '../config/types.js'
import { loadTokenizer } from '../data/tokenizer/load.js'
import { ConfigError } from '../errors.js'
import { countParameters } from '../model/parameters.js'
import type { Ceilings } from '../native/addon.js'
import { Device } from '../native/device.js'
import { stepProfile, type RunProfile, type StepSample } from '../report/profile.js'
import { Engine } from './engine.js'
import { explainDeviceError } from './memory.js'
import { sequenceTokens } from './progress.js'

export interface ProfileOptions {
  /** Only the stage of this name; else all of them. */
  readonly stage?: string
  /** Measured steps of each stage, 10 unless given; three before them are not measured. */
  readonly steps?: number
  readonly onProgress?: (progress: ProfileProgress) => void
}

export type ProfileProgress =
  { readonly doing: 'ceilings' } | { readonly doing: 'steps'; stage: string; done: number; of: number }

const warmupSteps = 3
const mostSteps = 10_000

/**
 * Measures where the time of a run's training steps goes: every op of every stage, held against what the device can do.
 * The steps run with fresh weights on random tokens; no text is read and no file is written. Takes some seconds and as
 * much memory as the run.
 * @throws {ConfigError} when the configuration is wrong, has no such stage, or `steps` is not a whole number from 1 to 10,000
 * @throws {DeviceMemoryError} when the run does not fit into the memory of its device
 */
export async function profileRun(
  written: UserConfig | RunConfig,
  options: ProfileOptions = {},
): Promise<RunProfile> {
  const { steps = 10, onProgress } = options
  if (!Number.isSafeInteger(steps) || steps < 1 || steps > mostSteps)
    throw new ConfigError(`${steps} steps cannot be measured. Give a whole number from 1 to ${mostSteps}.`, {
      path: 'steps',
    })
  const draft = withoutFolder(resolveConfig(written))
  const chosen = chosenStages(draft, options.stage)
  const config = await withoutCorpus(draft)

  const device = Device.create({ device: config.device, threads: config.threads })
  try {
    const engine = new Engine(device, config)
    await engine.initialise()
    onProgress?.({ doing: 'ceilings' })
    const before = await device.measureCeilings()
    const measured: (Awaited<ReturnType<typeof measureSteps>> & { stage: StageConfig; index: number })[] = []
    for (const index of chosen) {
      const stage = config.stages[index]!
      const stepping = (done: number) =>
        onProgress?.({ doing: 'steps', stage: stage.name, done, of: warmupSteps + steps })
      measured.push({
        stage,
        index,
        ...(await measureSteps(device, engine, config, index, steps, stepping)),
      })
    }
    onProgress?.({ doing: 'ceilings' })
    const after = await device.measureCeilings()
    const ceilings = higher(before, after)
    const stages = measured.map(({ index, ...step }) =>
      stepProfile({ ...step, entries: entriesOf(engine, index), ceilings }),
    )
    const parameters = countParameters(config.model)
    const drift = Math.abs(after.flopsPerSecond - before.flopsPerSecond) / ceilings.flopsPerSecond
    return { name: config.name, device: device.describe(), parameters, ceilings, drift, stages }
  } catch (error) {
    throw explainDeviceError(device, config, error)
  } finally {
    device.dispose()
  }
}

/** A machine that was busy meanwhile reaches less than it can. */
function higher(a: Ceilings, b: Ceilings): Ceilings {
  return {
    flopsPerSecond: Math.max(a.flopsPerSecond, b.flopsPerSecond),
    bytesPerSecond: Math.max(a.bytesPerSecond, b.bytesPerSecond),
  }
}

/** Indices of the stages to measure. */
function chosenStages({ stages }: DraftConfig, name: string | undefined): number[] {
  const all = stages.map((_, index) => index)
  if (name === undefined) return all
  const chosen = all.filter((index) => stages[index]!.name === name)
  if (chosen.length > 0) return chosen
  throw new ConfigError(
    `There is no stage '${name}'. Stages of this run: ${stages.map((stage) => stage.name).join(', ')}.`,
    { path: 'stages' },
  )
}

/** Steps take as long with any weights, so those of a model folder need not be there. */
function withoutFolder({ model: { from: _, ...model }, ...draft }: DraftConfig): DraftConfig {
  return { ...draft, model }
}

/** Only the vocabulary matters to a step, not how many of them the text is good for. */
async function withoutCorpus(draft: DraftConfig): Promise<RunConfig> {
  const enough = { corpusTokens: Number.MAX_SAFE_INTEGER }
  if (draft.model.vocabSize !== undefined) return completeConfig(draft, enough)
  const tokenizer = await loadTokenizer(draft.data.tokenizer)
  try {
    return completeConfig(draft, { ...enough, vocabSize: tokenizer.vocabSize })
  } finally {
    tokenizer.dispose()
  }
}

/** Whole steps, and their ops: at once where the device times ops anyway, else the ops in as many further steps. */
async function measureSteps(
  device: Device,
  engine: Engine,
  config: RunConfig,
  index: number,
  steps: number,
  stepping: (done: number) => void,
): Promise<{ samples: StepSample[]; opsApart: boolean }> {
  const batch = randomTokens(config.stages[index]!, config.model.vocabSize)
  await engine.optimizer.reset()
  let updates = 0
  const measure = async (): Promise<StepSample> => {
    const before = opNanoseconds(engine, index)
    const start = performance.now()
    // A learning rate of zero costs the same and cannot diverge.
    await engine.step(index, () => Promise.resolve(batch), 0, ++updates)
    const seconds = (performance.now() - start) / 1e3
    const after = opNanoseconds(engine, index)
    return { seconds, opSeconds: after.map((n, i) => (n - before[i]!) / 1e9) }
  }
  const samples: StepSample[] = []
  for (let step = 0; step < warmupSteps + steps; step++) {
    stepping(step)
    const sample = await measure()
    if (step >= warmupSteps) samples.push(sample)
  }
  const opsApart = samples.every(({ opSeconds }) => opSeconds.every((seconds) => seconds === 0))
  if (!opsApart) return { samples, opsApart }
  await device.timeOps(true)
  const apart: StepSample[] = []
  for (const { seconds } of samples) apart.push({ ...(await measure()), seconds })
  await device.timeOps(false)
  return { samples: apart, opsApart }
}

function entriesOf(engine: Engine, index: number) {
  return engine.describeStep(index).flatMap(({ plan, runs }) => plan.entries.map((e) => ({ ...e, runs })))
}

/** Summed over all runs so far. */
function opNanoseconds(engine: Engine, index: number): number[] {
  return entriesOf(engine, index).map((entry) => entry.nanoseconds)
}

/** The ids of one micro-batch, [B, T·K], the same every time. */
function randomTokens(stage: StageConfig, vocabSize: number): Int32Array {
  let state = 1
  return Int32Array.from({ length: stage.microBatchSequences * sequenceTokens(stage) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0 // Numerical Recipes' generator; its high bits are good
    return Math.floor((state / 2 ** 32) * vocabSize)
  })
}
