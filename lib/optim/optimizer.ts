import type { OptimizerConfig } from '../config/types.js'
import { FlatParameters, type TrainedWeights } from '../model/weights.js'
import type { Device, Plan } from '../native/device.js'
import { Buffers, LayoutBuilder } from '../tensor/layout.js'
import * as ops from '../tensor/ops.js'
import { readTensor, rows, writeTensor, type Tensor } from '../tensor/tensor.js'

/** What one optimizer step reports. */
export interface StepResult {
  /** Sum of the losses of all scored positions, nats. */
  readonly totalLoss: number
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number
  /** False: loss or norm was not finite, or above its limit; weights and moments are as they were. */
  readonly applied: boolean
}

/** The largest values with which an update is applied. Infinity: any that is finite. */
export interface StepLimits {
  readonly totalLoss: number
  readonly gradientNorm: number
}

const noLimits: StepLimits = { totalLoss: Infinity, gradientNorm: Infinity }

/**
 * AdamW (Loshchilov and Hutter, 2019) with clipping by global norm, as torch computes them. What changes from step to
 * step lies in a small buffer that the plan reads, so the plan is recorded once. Whether an update is applied is decided
 * where it is computed: the host learns of it afterwards, and nothing waits for the host.
 */
export class Optimizer {
  readonly gradients: FlatParameters
  readonly m: FlatParameters
  readonly v: FlatParameters
  /** [1] f64: see MicroStepContext.scale. */
  readonly scale: Tensor
  /** [1] f64: see MicroStepContext.totalLoss. */
  readonly totalLoss: Tensor
  readonly #device: Device
  readonly #config: OptimizerConfig
  readonly #scalars: Buffers
  readonly #update: Plan
  readonly #reset: Plan

  constructor(device: Device, config: OptimizerConfig, weights: TrainedWeights) {
    this.#device = device
    this.#config = config
    this.gradients = new FlatParameters(device, weights.master.table, 'gradients')
    this.m = new FlatParameters(device, weights.master.table, 'AdamW first moment')
    this.v = new FlatParameters(device, weights.master.table, 'AdamW second moment')
    const layout = new LayoutBuilder(device.compute)
      .add('scale', 'f64', 1)
      // Learning rate, two corrections, nothing, two limits: on CUDA a tensor of 16 bytes begins at a multiple of 16.
      .add('step', 'f64', 6)
      .add('result', 'f64', 4)
      .build()
    this.#scalars = Buffers.allocate(device, layout, 'scalars')
    this.scale = this.#scalars.get('scale')
    this.totalLoss = rows(this.#scalars.get('result'), 3, 4)
    this.#update = this.#recordUpdate(weights)
    this.#reset = device.createPlan('reset optimizer')
    ops.fill(this.#reset, this.m.all(), 0)
    ops.fill(this.#reset, this.v.all(), 0)
  }

  #recordUpdate({ master, compute }: TrainedWeights): Plan {
    const { gradients, m, v } = this
    const { betas, epsilon, weightDecay, gradientClip } = this.#config
    const plan = this.#device.createPlan('optimizer')
    const step = rows(this.#scalars.get('step'), 0, 3)
    const limits = rows(this.#scalars.get('step'), 4, 6)
    const loss = this.totalLoss
    const clip = rows(this.#scalars.get('result'), 0, 3)
    const [beta1, beta2] = betas
    const decayed = {
      weight: master.decayed(),
      ...(compute !== master && { rounded: compute.decayed() }),
      gradient: gradients.decayed(),
      m: m.decayed(),
      v: v.decayed(),
    }
    const undecayed = {
      weight: master.undecayed(),
      ...(compute !== master && { rounded: compute.undecayed() }),
      gradient: gradients.undecayed(),
      m: m.undecayed(),
      v: v.undecayed(),
    }
    plan.scope('update', () => {
      ops.gradNorm(plan, { gradient: gradients.all(), result: clip, loss, limits }, { maxNorm: gradientClip })
      ops.adamw(plan, { ...decayed, step, clip }, { beta1, beta2, epsilon, weightDecay })
      ops.adamw(plan, { ...undecayed, step, clip }, { beta1, beta2, epsilon, weightDecay: 0 })
    })
    return plan
  }

  /** Sets what each position's gradient is multiplied by. Before the first micro-batch of a step. */
  setScale(scale: number): Promise<void> {
    return writeTensor(this.scale, Float64Array.of(scale))
  }

  /**
   * Clips and applies the gathered gradients, if loss and norm are finite and within `limits`.
   * @param count updates since the optimizer's state was zero, this one included: t in Adam's bias correction
   */
  async step(learningRate: number, count: number, limits = noLimits): Promise<StepResult> {
    const [beta1, beta2] = this.#config.betas
    const step = Float64Array.of(
      learningRate,
      1 - beta1 ** count,
      1 - beta2 ** count,
      0,
      limits.totalLoss,
      limits.gradientNorm,
    )
    const [, , result] = await Promise.all([
      writeTensor(this.#scalars.get('step'), step),
      this.#update.run(),
      readTensor({ ...this.#scalars.get('result'), dtype: 'f64' }),
    ])
    const [gradientNorm = NaN, , apply, totalLoss = NaN] = result
    return { totalLoss, gradientNorm, applied: apply === 1 }
  }

  /** Forgets both moments: what the start of a stage that carries the weights alone does. */
  reset(): Promise<void> {
    return this.#reset.run()
  }

  describe() {
    return this.#update.describe()
  }
}
