import type { RunConfig, StageConfig } from '../config/types.js'
import { trainingFlops } from '../model/flops.js'
import { countParameters, parameterTable } from '../model/parameters.js'
import type { PlanDescription } from '../native/addon.js'
import type { Device } from '../native/device.js'
import { stepFlops, stepTokens, totalSteps, totalTokens } from './progress.js'

/** What a run will take, known before it starts. */
export interface RunPlan {
  readonly config: RunConfig
  readonly device: string
  readonly parameters: number
  readonly stages: readonly StagePlan[]
  readonly steps: number
  readonly tokens: number
  readonly flops: number
  /** FLOPs of token-level training on the same tokens with the last stage's context. */
  readonly tokenLevelFlops: number
  /** flops / tokenLevelFlops; for the paper's plan λ/K + 1 − λ, a little less where attention counts. */
  readonly cost: number
  /** Passes over the training tokens. */
  readonly epochs: number
  /** Whose memory the table tells of: `this process`, or a GPU's name. */
  readonly memoryOf: string
  /** Bytes by purpose; on the CPU, what the process has without the run comes last. */
  readonly memory: readonly MemoryEntry[]
  readonly memoryBytes: number
  /** Of this process, while a checkpoint is being written: weights and both moments. On the CPU part of the table. */
  readonly savingBytes: number
  /** The recorded plans: ops, shapes, costs. */
  readonly plans: readonly PlanDescription[]
}

export interface StagePlan {
  readonly stage: StageConfig
  readonly tokens: number
  readonly positions: number
  readonly flops: number
}

export interface MemoryEntry {
  readonly label: string
  readonly bytes: number
}

/** What a save holds while training goes on. */
export const checkpointCopy = 'checkpoint copy, while one is saved'

/** What the JavaScript heap and compiled code grow by while a run lasts: 10 to 18 MB, measured with runs/memory.sh. */
const heapGrowthBytes = 14e6

export function predictRun(facts: {
  config: RunConfig
  device: Device
  corpusTokens: number
  plans: readonly PlanDescription[]
  /** Resident bytes of the process before the run touches its memory. */
  baselineBytes: number
}): RunPlan {
  const { config, device, plans } = facts
  const stages = config.stages.map((stage) => ({
    stage,
    tokens: stage.steps * stepTokens(stage),
    positions: stage.steps * stage.batchSequences * stage.context,
    flops: stage.steps * stepFlops(config, stage),
  }))
  const tokens = totalTokens(config)
  const flops = stages.reduce((sum, stage) => sum + stage.flops, 0)
  const tokenLevelFlops = trainingFlops(config.model, tokens, config.stages.at(-1)!.context)
  const onDevice = [
    ...device.regions(),
    { label: 'workspace', bytes: Math.max(...plans.map((plan) => plan.workspaceBytes)) },
  ]
  const savingBytes = 3 * 4 * parameterTable(config.model).size
  const onHost = [
    { label: checkpointCopy, bytes: savingBytes },
    { label: 'Node.js and code', bytes: facts.baselineBytes + heapGrowthBytes },
  ]
  const memory = device.kind === 'cpu' ? [...onDevice, ...onHost] : onDevice
  return {
    config,
    device: device.describe(),
    parameters: countParameters(config.model),
    stages,
    steps: totalSteps(config),
    tokens,
    flops,
    tokenLevelFlops,
    cost: flops / tokenLevelFlops,
    epochs: tokens / facts.corpusTokens,
    memoryOf: device.kind === 'cpu' ? 'this process' : device.name,
    memory,
    memoryBytes: memory.reduce((sum, entry) => sum + entry.bytes, 0),
    savingBytes,
    plans,
  }
}
