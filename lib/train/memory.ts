import { divisors } from '../config/divisors.js'
import type { RunConfig, StageConfig } from '../config/types.js'
import { DeviceError, DeviceMemoryError, NativeError, PatchTrainError } from '../errors.js'
import { parameterTable } from '../model/parameters.js'
import type { ComputeType, Device } from '../native/device.js'
import { BlockEvaluator } from '../objective/evaluation.js'
import { microStepLayout, type MicroStepShape } from '../objective/micro-step.js'
import { bytes } from '../report/format.js'
import { table } from '../report/table.js'
import type { Layout } from '../tensor/layout.js'
import type { MemoryEntry } from './run-plan.js'

/** Positions in one pass of the evaluation, at most: it should not need more memory than training does. */
const evaluationPositions = 4096

export function stageLayout(compute: ComputeType, config: RunConfig, stage: StageConfig): Layout {
  return microStepLayout(config.model, shapeOf(stage), 'train', { compute, recompute: config.recompute })
}

export function shapeOf(stage: StageConfig): MicroStepShape {
  return { sequences: stage.microBatchSequences, positions: stage.context, patch: stage.patchSize }
}

/** The evaluation goes token by token over blocks of the last stage's context. */
export function evaluationShapeOf(config: RunConfig): MicroStepShape {
  const context = config.stages.at(-1)!.context
  const trained = Math.max(...config.stages.map((stage) => stage.microBatchSequences * stage.context))
  const positions = Math.min(evaluationPositions, trained)
  return { sequences: Math.max(1, Math.floor(positions / context)), positions: context, patch: 1 }
}

/** One region serves all stages and the evaluation: as large as the largest of them. */
export function activationBytes(compute: ComputeType, config: RunConfig): number {
  return Math.max(
    BlockEvaluator.layout(compute, config.model, evaluationShapeOf(config)).bytes,
    ...config.stages.map((stage) => stageLayout(compute, config, stage).bytes),
  )
}

/** The large regions of a run, by arithmetic alone. */
function runMemory(compute: ComputeType, config: RunConfig): MemoryEntry[] {
  const parameters = parameterTable(config.model).size
  const rounded = compute === 'bf16' ? [{ label: 'weights, bf16', bytes: 2 * parameters }] : []
  return [
    { label: 'master weights', bytes: 4 * parameters },
    ...rounded,
    { label: 'gradients', bytes: 4 * parameters },
    { label: 'AdamW moments', bytes: 8 * parameters },
    { label: 'activations', bytes: activationBytes(compute, config) },
  ]
}

const sum = (entries: readonly MemoryEntry[]) => entries.reduce((total, entry) => total + entry.bytes, 0)

/** An error of the device, told so that a user can act on it. */
export function explainDeviceError(device: Device, config: RunConfig, error: unknown): unknown {
  if (!(error instanceof PatchTrainError)) return error
  if (error.code === 'ERR_OUT_OF_MEMORY' && !(error instanceof DeviceMemoryError))
    return outOfMemory(device, config, error)
  if (error.code === 'ERR_DEVICE_FAILED' && error instanceof NativeError)
    return new DeviceError(
      `${device.name} failed and is lost to this process: ${error.message}. What was saved is whole: go on with ` +
        `'patchtrain resume ${config.out}', with --device cpu if the device does not come back.`,
      { cause: error },
    )
  return error
}

/** What a run wanted, what there is for it, and which smaller micro-batch or recomputation would fit. */
function outOfMemory(device: Device, config: RunConfig, cause: PatchTrainError): DeviceMemoryError {
  const available = device.memory().free + sum(device.regions()) // what the run has already is its own
  const entries = runMemory(device.compute, config)
  const lines = table(
    [{ title: 'memory' }, { title: 'size', right: true }],
    [
      ...entries.map(({ label, bytes: n }) => [label, bytes(n)]),
      null,
      ['together, without the workspace of kernels', bytes(sum(entries))],
      [`there is on ${device.name}`, bytes(available)],
    ],
  )
  return new DeviceMemoryError(
    `The run does not fit into the memory of ${device.describe()}: ${cause.message}.\n${lines}\n${advice(device.compute, config, available)}`,
    { cause },
  )
}

/** Of the memory there is; the rest is for the workspace of kernels, libraries and generation. */
const share = 0.9

function advice(compute: ComputeType, config: RunConfig, available: number): string {
  const wanted = sum(runMemory(compute, config))
  const largest = Math.max(...config.stages.map((stage) => stage.microBatchSequences))
  for (const recompute of ['none', 'elementwise', 'layer'] as const) {
    for (const sequences of divisors(largest).reverse()) {
      const needed = sum(runMemory(compute, withMicroBatch({ ...config, recompute }, sequences)))
      // What failed is no advice, even if by this arithmetic it should have fitted.
      if (needed > share * available || needed >= wanted) continue
      return `What would fit: schedule.microBatchSequences ${sequences} with recompute '${recompute}'.`
    }
  }
  return 'Even one sequence at a time with everything recomputed would not fit: take a smaller model or context.'
}

function withMicroBatch(config: RunConfig, most: number): RunConfig {
  const stages = config.stages.map((stage) => ({
    ...stage,
    microBatchSequences: Math.min(stage.microBatchSequences, most),
  }))
  return { ...config, stages }
}
