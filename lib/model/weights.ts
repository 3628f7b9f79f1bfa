import type { ModelConfig } from '../config/types.js'
import { dtypeBytes, type ComputeType, type Device, type Region } from '../native/device.js'
import { convert, fill, fillNormal } from '../tensor/ops.js'
import { tensor, type Tensor } from '../tensor/tensor.js'
import { parameterTable, type ParameterTable } from './parameters.js'

/**
 * A flat region in the layout of the parameters: the weights themselves, their gradients, or one of the optimizer's
 * moments. fp32, but for the weights that a device computes with in bf16.
 */
export class FlatParameters {
  readonly #region: Region

  constructor(
    device: Device,
    readonly table: ParameterTable,
    label: string,
    readonly dtype: ComputeType = 'f32',
  ) {
    this.#region = device.allocate(table.size * dtypeBytes[dtype], label)
  }

  /** One parameter, `layers.0.attention.qkv` say. */
  get(name: string): Tensor {
    const { offset, shape } = this.table.get(name)
    return tensor(this.#region, offset * dtypeBytes[this.dtype], this.dtype, shape)
  }

  /** Elements `begin` … `end − 1` of the flat region. */
  range(begin: number, end: number): Tensor {
    return tensor(this.#region, begin * dtypeBytes[this.dtype], this.dtype, [end - begin])
  }

  all(): Tensor {
    return this.range(0, this.table.size)
  }

  /** Matrices and embeddings: what weight decay applies to. */
  decayed(): Tensor {
    return this.range(0, this.table.decayed)
  }

  /** Norm weights. */
  undecayed(): Tensor {
    return this.range(this.table.decayed, this.table.size)
  }

  dispose(): void {
    this.#region.dispose()
  }
}

/** Streams of the counter-based generator that belong to initialisation: one for each parameter. */
const initStream = 1 << 16

/** The weights of a model in training. */
export interface TrainedWeights {
  /** fp32: what the optimizer updates and a checkpoint holds. */
  readonly master: FlatParameters
  /** What forward and backward read: the same region on the CPU, a copy rounded to bf16 on CUDA. */
  readonly compute: FlatParameters
}

export function allocateTrainedWeights(device: Device, model: ModelConfig): TrainedWeights {
  const table = parameterTable(model)
  if (device.compute === 'f32') {
    const weights = new FlatParameters(device, table, 'weights')
    return { master: weights, compute: weights }
  }
  return {
    master: new FlatParameters(device, table, 'master weights'),
    compute: new FlatParameters(device, table, 'weights', device.compute),
  }
}

/** Weights that are only read, in the type that the device computes with. */
export function allocateWeights(device: Device, model: ModelConfig): FlatParameters {
  return new FlatParameters(device, parameterTable(model), 'weights', device.compute)
}

/**
 * Fresh weights: matrices and embeddings from N(0, initStd²), norm weights 1. A pure function of config and seed. Of the
 * master weights alone: {@link roundWeights} comes next.
 */
export async function initialiseWeights(
  device: Device,
  weights: TrainedWeights,
  model: ModelConfig,
  seed: number,
): Promise<void> {
  const { master } = weights
  const plan = device.createPlan('initialise weights')
  master.table.parameters.forEach((parameter, index) => {
    const target = master.get(parameter.name)
    if (parameter.decay) fillNormal(plan, target, { seed, stream: initStream + index, std: model.initStd })
    else fill(plan, target, 1)
  })
  await plan.run()
  plan.dispose()
}

/** compute = master, rounded. After the master weights were initialised or loaded; the optimizer keeps it up. */
export async function roundWeights(device: Device, { master, compute }: TrainedWeights): Promise<void> {
  if (compute === master) return
  const plan = device.createPlan('round weights')
  convert(plan, master.all(), compute.all())
  await plan.run()
  plan.dispose()
}
