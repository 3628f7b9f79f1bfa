import type { ModelConfig } from '../config/types.js'
import type { Device, Region } from '../native/device.js'
import { fill, fillNormal } from '../tensor/ops.js'
import { tensor, type Tensor } from '../tensor/tensor.js'
import { parameterTable, type ParameterTable } from './parameters.js'

/**
 * A flat fp32 region in the layout of the parameters: the weights themselves, their gradients, or one of the
 * optimizer's moments.
 */
export class FlatParameters {
  readonly #region: Region

  constructor(
    device: Device,
    readonly table: ParameterTable,
    label: string,
  ) {
    this.#region = device.allocate(table.size * 4, label)
  }

  /** One parameter, `layers.0.attention.qkv` say. */
  get(name: string): Tensor {
    const { offset, shape } = this.table.get(name)
    return tensor(this.#region, offset * 4, 'f32', shape)
  }

  /** Elements `begin` … `end − 1` of the flat region. */
  range(begin: number, end: number): Tensor {
    return tensor(this.#region, begin * 4, 'f32', [end - begin])
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

/** Fresh weights: matrices and embeddings from N(0, initStd²), norm weights 1. A pure function of config and seed. */
export async function initialiseWeights(
  device: Device,
  weights: FlatParameters,
  model: ModelConfig,
  seed: number,
): Promise<void> {
  const plan = device.createPlan('initialise weights')
  weights.table.parameters.forEach((parameter, index) => {
    const target = weights.get(parameter.name)
    if (parameter.decay) fillNormal(plan, target, { seed, stream: initStream + index, std: model.initStd })
    else fill(plan, target, 1)
  })
  await plan.run()
  plan.dispose()
}

export function allocateWeights(device: Device, model: ModelConfig): FlatParameters {
  return new FlatParameters(device, parameterTable(model), 'weights')
}
