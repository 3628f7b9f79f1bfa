import { readTensor } from '../../../lib/tensor/tensor.js'
import type { StepModel } from '../../step/models.js'
import { StepSession, tokensOf } from '../../step/session.js'
import type { Prepared } from './prepared.js'
import type { Task } from './protocol.js'
import { writeTensorFile, type NamedTensor } from './tensor-file.js'

/** A whole training step. Writes its fresh weights and its tokens for the others. */
export async function prepareStep({ dims, threads, inputs }: Task): Promise<Prepared> {
  const model = { name: 'step', ...dims } as unknown as StepModel
  const session = await StepSession.create(model, threads)
  const { weights } = session.engine.state
  const tensors: NamedTensor[] = []
  for (const { name, shape } of weights.table.parameters)
    tensors.push({ name, shape, data: await readTensor({ ...weights.get(name), dtype: 'f32' }) })
  tensors.push({ name: 'ids', shape: [model.B, model.T * model.K], data: tokensOf(model) })
  writeTensorFile(inputs, tensors)
  return { run: () => session.step(), values: [], versions: { level: session.device.level } }
}
