import type { ModelConfig } from '../../lib/config/types.js'
import type { Recompute } from '../../lib/model/buffers.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { ropeTables } from '../../lib/model/rope.js'
import { FlatParameters } from '../../lib/model/weights.js'
import { Device } from '../../lib/native/device.js'
import {
  microStepLayout,
  recordEvaluationStep,
  recordTrainingStep,
  scoredPositions,
} from '../../lib/objective/micro-step.js'
import { Buffers, LayoutBuilder } from '../../lib/tensor/layout.js'
import { readTensor, writeTensor } from '../../lib/tensor/tensor.js'

export interface ModelRun {
  /** Mean over the scored positions of all micro-batches. */
  readonly loss: number
  /** [B, T, V] of the last micro-batch, from the evaluation pass. */
  readonly logits: Float32Array
  /** Mean loss of the last micro-batch, from the evaluation pass. */
  readonly evaluationLoss: number
  /** In the flat layout of the parameters. */
  readonly gradient: Float32Array
}

/**
 * One training step up to its gradient, and an evaluation, on a device of its own. Each micro-batch is [B][K·T], all of
 * one shape.
 */
export async function runModel(
  model: ModelConfig,
  weights: Float32Array,
  microBatches: readonly (readonly Int32Array[])[],
  patch: number,
  options: { recompute?: Recompute; threads?: number; level?: string } = {},
): Promise<ModelRun> {
  const { recompute = 'none', ...deviceOptions } = options
  using device = Device.create({ device: 'cpu', ...deviceOptions })
  const [first] = microBatches
  const shape = { sequences: first!.length, positions: first![0]!.length / patch, patch }
  const scored = scoredPositions(shape)

  const table = parameterTable(model)
  const parameters = new FlatParameters(device, table, 'weights')
  const gradients = new FlatParameters(device, table, 'gradients')
  await writeTensor(parameters.all(), weights)
  const rope = ropeTables(model, shape.positions)
  const shared = Buffers.allocate(
    device,
    new LayoutBuilder(device.compute)
      .add('cos', 'f32', shape.positions, model.headDim / 2)
      .add('sin', 'f32', shape.positions, model.headDim / 2)
      .add('scale', 'f64', 1)
      .add('totalLoss', 'f64', 1)
      .build(),
    'shared',
  )
  const [cos, sin] = [shared.get('cos'), shared.get('sin')]
  const [scale, totalLoss] = [shared.get('scale'), shared.get('totalLoss')]
  await writeTensor(cos, rope.cos)
  await writeTensor(sin, rope.sin)
  await writeTensor(scale, Float64Array.of(1 / (scored * microBatches.length)))
  const context = { device, model, weights: parameters, cos, sin, scale, totalLoss }
  const total = async () => (await readTensor({ ...totalLoss, dtype: 'f64' }))[0]!
  const flatIds = (batch: readonly Int32Array[]) => Int32Array.from(batch.flatMap((row) => [...row]))

  const training = Buffers.allocate(
    device,
    microStepLayout(model, shape, 'train', { compute: device.compute, recompute }),
    'training',
  )
  for (const [index, batch] of microBatches.entries()) {
    const options = { accumulate: index > 0, recompute, label: `micro-batch ${index}` }
    const step = recordTrainingStep(context, shape, training, gradients, options)
    await writeTensor(step.ids, flatIds(batch))
    await step.plan.run()
  }
  const loss = (await total()) / (scored * microBatches.length)

  const evaluating = Buffers.allocate(
    device,
    microStepLayout(model, shape, 'evaluate', { compute: device.compute }),
    'evaluating',
  )
  const evaluation = recordEvaluationStep(context, shape, evaluating, 'evaluation')
  await writeTensor(evaluation.ids, flatIds(microBatches.at(-1)!))
  await evaluation.plan.run()
  return {
    loss,
    logits: await readTensor({ ...evaluating.get('logits'), dtype: 'f32' }),
    evaluationLoss: (await total()) / scored,
    gradient: await readTensor({ ...gradients.all(), dtype: 'f32' }),
  }
}
