import { divisors } from '../config/divisors.js'
import type { RunConfig, StageConfig } from '../config/types.js'
import { DeviceMemoryError, PatchTrainError } from '../errors.js'
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

/** An error of the device, told so that a user can act on it: only lack of memory needs more words. */
export function explainDeviceError(device: Device, config: RunConfig, error: unknown): unknown {
  const lacksMemory = error instanceof PatchTrainError && error.code === 'ERR_OUT_OF_MEMORY'
  return lacksMemory ? outOfMemory(device, config, error) : error
}

/** What a run wanted, what there is, and which smaller micro-batch or recomputation would fit. */
function outOfMemory(device: Device, config: RunConfig, cause: unknown): DeviceMemoryError {
  const { total } = device.memory()
  const entries = runMemory(device.compute, config)
  const lines = table(
    [{ title: 'memory' }, { title: 'size', right: true }],
    [
      ...entries.map(({ label, bytes: n }) => [label, bytes(n)]),
      null,
      ['together', bytes(sum(entries))],
      [`${device.name} has`, bytes(total)],
    ],
  )
  return new DeviceMemoryError(
    `The run does not fit into the memory of ${device.describe()}:\n${lines}\n${advice(device.compute, config, total)}`,
    { cause },
  )
}

/** Left for the driver, the workspace of the kernels and what others hold. */
const share = 0.9

function advice(compute: ComputeType, config: RunConfig, total: number): string {
  const largest = Math.max(...config.stages.map((stage) => stage.microBatchSequences))
  for (const recompute of ['none', 'elementwise', 'layer'] as const) {
    for (const sequences of divisors(largest).reverse()) {
      const smaller = withMicroBatch({ ...config, recompute }, sequences)
      if (sum(runMemory(compute, smaller)) > share * total) continue
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
