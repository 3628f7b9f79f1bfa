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
  /** False: some gradient was NaN or infinite, and nothing was updated. */
  readonly finite: boolean
}

/**
 * AdamW (Loshchilov and Hutter, 2019) with clipping by global norm, as torch computes them. What changes from step to
 * step lies in a small buffer that the plan reads, so the plan is recorded once.
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
      .add('step', 'f64', 3)
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
    const step = this.#scalars.get('step')
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
      ops.gradNorm(plan, { gradient: gradients.all(), result: clip }, { maxNorm: gradientClip })
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
   * Clips and applies the gathered gradients.
   * @param count updates since the optimizer's state was zero, this one included: t in Adam's bias correction
   */
  async step(learningRate: number, count: number): Promise<StepResult> {
    const [beta1, beta2] = this.#config.betas
    const corrections = Float64Array.of(learningRate, 1 - beta1 ** count, 1 - beta2 ** count)
    const [, , result] = await Promise.all([
      writeTensor(this.#scalars.get('step'), corrections),
      this.#update.run(),
      readTensor({ ...this.#scalars.get('result'), dtype: 'f64' }),
    ])
    const [gradientNorm = NaN, , finite, totalLoss = NaN] = result
    return { totalLoss, gradientNorm, finite: finite === 1 }
  }

  /** Forgets both moments: what the start of a stage that carries the weights alone does. */
  reset(): Promise<void> {
    return this.#reset.run()
  }

  describe() {
    return this.#update.describe()
  }
}
