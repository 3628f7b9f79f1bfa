import type { RunConfig } from '../config/types.js'
import { ropeTables } from '../model/rope.js'
import {
  allocateTrainedWeights,
  initialiseWeights,
  roundWeights,
  type FlatParameters,
  type TrainedWeights,
} from '../model/weights.js'
import type { PlanDescription } from '../native/addon.js'
import type { Device, PlacedDescription } from '../native/device.js'
import { BlockEvaluator } from '../objective/evaluation.js'
import {
  recordTrainingStep,
  scoredPositions,
  type MicroStep,
  type MicroStepContext,
  type MicroStepShape,
} from '../objective/micro-step.js'
import { Optimizer, type StepResult } from '../optim/optimizer.js'
import { Buffers, LayoutBuilder } from '../tensor/layout.js'
import { readTensor, writeTensor, type Tensor } from '../tensor/tensor.js'
import { loadInitialWeights } from './initial-weights.js'
import { activationBytes, evaluationShapeOf, shapeOf, stageLayout } from './memory.js'

/** The recorded plans of one stage. */
interface StagePlans {
  readonly shape: MicroStepShape
  /** Replaces gradients and loss. */
  readonly first: MicroStep
  /** Adds to them; undefined when a step is one micro-batch. */
  readonly next: MicroStep | undefined
}

/** A plan of an optimizer step, and how many times the step runs it. */
export interface StepPart {
  readonly plan: PlacedDescription
  readonly runs: number
}

/**
 * What a run has on the device: weights, gradients, optimizer state, one region of activations that all stages and the
 * evaluation share, and every plan, recorded before the first step.
 */
export class Engine {
  readonly weights: TrainedWeights
  readonly optimizer: Optimizer
  readonly evaluator: BlockEvaluator
  readonly #config: RunConfig
  readonly #device: Device
  readonly #stages: StagePlans[]
  readonly #ready: Promise<unknown>

  constructor(device: Device, config: RunConfig) {
    this.#device = device
    this.#config = config
    const { model, recompute } = config
    this.weights = allocateTrainedWeights(device, model)
    this.optimizer = new Optimizer(device, config.optimizer, this.weights)

    const longest = Math.max(...config.stages.map((stage) => stage.context))
    const ropeLayout = new LayoutBuilder(device.compute)
      .add('cos', 'f32', longest, model.headDim / 2)
      .add('sin', 'f32', longest, model.headDim / 2)
    const rope = Buffers.allocate(device, ropeLayout.build(), 'rotary tables')
    const tables = ropeTables(model, longest)
    this.#ready = Promise.all([
      writeTensor(rope.get('cos'), tables.cos),
      writeTensor(rope.get('sin'), tables.sin),
    ])
    this.#ready.catch(() => undefined) // reported where it is awaited, which a plan that never runs does not

    const context: MicroStepContext = {
      device,
      model,
      weights: this.weights.compute,
      cos: rope.get('cos'),
      sin: rope.get('sin'),
      scale: this.optimizer.scale,
      totalLoss: this.optimizer.totalLoss,
    }
    const evaluationShape = evaluationShapeOf(config)
    const activations = device.allocate(activationBytes(device.compute, config), 'activations')
    this.#stages = config.stages.map((stage) => {
      const shape = shapeOf(stage)
      const buffers = new Buffers(activations, stageLayout(device.compute, config, stage))
      const record = (accumulate: boolean) =>
        recordTrainingStep(context, shape, buffers, this.optimizer.gradients, {
          accumulate,
          recompute,
          label: `${stage.name}${accumulate ? ', further micro-batch' : ''}`,
        })
      const several = stage.batchSequences > stage.microBatchSequences
      return { shape, first: record(false), next: several ? record(true) : undefined }
    })
    this.evaluator = new BlockEvaluator(context, evaluationShape, activations)
  }

  /** Everything that takes memory on the device, before the first step. Not for a run that is only planned. */
  async #prepare(): Promise<void> {
    await this.#ready
    await this.#device.reserveWorkspace(Math.max(...this.describe().map((plan) => plan.workspaceBytes)))
  }

  /** Weights from the folder that the model comes from, or drawn at random. */
  async initialise(): Promise<void> {
    await this.#prepare()
    const { model, seed } = this.#config
    if (model.from === undefined) await initialiseWeights(this.#device, this.weights, model, seed)
    else await loadInitialWeights(model.from, model, regionWriter(this.weights.master))
    await roundWeights(this.#device, this.weights)
  }

  /** After a checkpoint was loaded into `state`. */
  async restored(): Promise<void> {
    await this.#prepare()
    await roundWeights(this.#device, this.weights)
  }

  /**
   * One optimizer step: every micro-batch forward and backward, then the update. The gradient is the sum over all scored
   * positions divided once by their number, so it does not depend on how the batch is cut.
   * @param nextBatch ids of the next micro-batch, [B, T·K]
   * @param updates since the optimizer's state was zero, this one included
   * @param limits largest mean loss and gradient norm with which the update is applied
   */
  async step(
    stageIndex: number,
    nextBatch: () => Promise<Int32Array>,
    learningRate: number,
    updates: number,
    limits: { readonly loss: number; readonly gradientNorm: number } = {
      loss: Infinity,
      gradientNorm: Infinity,
    },
  ): Promise<StepResult & { readonly loss: number }> {
    const stage = this.#config.stages[stageIndex]!
    const { shape, first, next } = this.#stages[stageIndex]!
    const microBatches = stage.batchSequences / stage.microBatchSequences
    const scored = microBatches * scoredPositions(shape)
    await this.#ready
    // Queued as a whole: the device goes from one micro-batch to the next, and on to the update, without waiting to be
    // asked. Should one fail, those behind it do nothing, the update included.
    const queued: Promise<unknown>[] = []
    const ask = (promise: Promise<unknown>) => {
      promise.catch(() => undefined) // told below; until then it must not count as unhandled
      queued.push(promise)
    }
    ask(this.optimizer.setScale(1 / scored))
    for (let micro = 0; micro < microBatches; micro++) {
      const { ids, plan } = micro === 0 ? first : next!
      const batch = await nextBatch().catch(async (error: unknown) => {
        await Promise.allSettled(queued)
        throw error
      })
      ask(writeTensor(ids, batch))
      ask(plan.run())
    }
    const update = this.optimizer.step(learningRate, updates, {
      totalLoss: limits.loss * scored,
      gradientNorm: limits.gradientNorm,
    })
    const [result] = await Promise.all([update, ...queued])
    return { ...result, loss: result.totalLoss / scored }
  }

  /** [R] f64: loss of each position of a stage's latest micro-batch; 0 at the last position of a sequence. */
  positionLosses(stageIndex: number): Tensor {
    return this.#stages[stageIndex]!.first.loss
  }

  /** The flat regions that a checkpoint holds. */
  get state(): { readonly weights: FlatParameters; readonly m: FlatParameters; readonly v: FlatParameters } {
    return { weights: this.weights.master, m: this.optimizer.m, v: this.optimizer.v }
  }

  /** What one step of a stage runs: its first micro-batch, its further ones, the update. */
  describeStep(stageIndex: number): StepPart[] {
    const { batchSequences, microBatchSequences } = this.#config.stages[stageIndex]!
    const { first, next } = this.#stages[stageIndex]!
    const further = batchSequences / microBatchSequences - 1
    return [
      { plan: first.plan.describe(), runs: 1 },
      ...(next ? [{ plan: next.plan.describe(), runs: further }] : []),
      { plan: this.optimizer.describe(), runs: 1 },
    ]
  }

  /** Every plan of the run, for tables and predictions. */
  describe(): PlanDescription[] {
    const steps = this.#stages.flatMap(({ first, next }) => [first, ...(next ? [next] : [])])
    return [...steps.map(({ plan }) => plan.describe()), this.evaluator.describe(), this.optimizer.describe()]
  }
}

/** Values that one read of a snapshot copies: 64 MiB. */
const snapshotPiece = 16 << 20

/**
 * A copy of a flat region as it is when the device's queue comes to it, piece by piece in order. All reads are queued at
 * once: whatever is asked of the device later does not show in it.
 */
export function regionSnapshot(parameters: FlatParameters): Promise<Float32Array[]> {
  const { size } = parameters.table
  const pieces: Promise<Float32Array>[] = []
  for (let at = 0; at < size; at += snapshotPiece)
    pieces.push(readTensor({ ...parameters.range(at, Math.min(at + snapshotPiece, size)), dtype: 'f32' }))
  return Promise.all(pieces)
}

/** Reads and writes a flat region in the pieces that checkpoints and exports ask for. */
export function regionReader(
  parameters: FlatParameters,
): (offset: number, count: number) => Promise<Float32Array> {
  return (offset, count) => readTensor({ ...parameters.range(offset, offset + count), dtype: 'f32' })
}

export function regionWriter(
  parameters: FlatParameters,
): (offset: number, values: Float32Array) => Promise<void> {
  return (offset, values) => writeTensor(parameters.range(offset, offset + values.length), values)
}
