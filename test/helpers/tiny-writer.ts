import { onTestFinished } from 'vitest'
import type { ModelConfig } from '../../lib/config/types.js'
import { BytesTokenizer } from '../../lib/data/tokenizer/bytes-tokenizer.js'
import type { Writer } from '../../lib/generate/generate.js'
import { allocateWeights } from '../../lib/model/weights.js'
import { Device } from '../../lib/native/device.js'
import { writeTensor } from '../../lib/tensor/tensor.js'
import { toBf16 } from './bf16.js'
import { flatten } from './flat-weights.js'
import { goldenWeights } from './golden.js'

/** Grouped queries, an untied head, and a vocabulary padded beyond that of bytes. */
export const tinyWriterModel: ModelConfig = {
  vocabSize: 264,
  width: 48,
  feedForward: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 32,
  ropeTheta: 10000,
  normEpsilon: 1e-5,
  tiedHead: false,
  initStd: 0.02,
}

/** A model with the golden formula's weights that writes bytes, until the test ends. */
export async function tinyWriter(
  context = 64,
  changes: Partial<Writer> = {},
  device: string = 'cpu',
): Promise<Writer> {
  const opened = Device.create({ device })
  onTestFinished(() => opened.dispose())
  const model = changes.model ?? tinyWriterModel
  const weights = allocateWeights(opened, model)
  const values = flatten(model, goldenWeights(model))
  await writeTensor(weights.all(), weights.dtype === 'bf16' ? toBf16(values) : values)
  return {
    ...{ device: opened, model, weights, tokenizer: new BytesTokenizer(), context },
    ...changes,
  }
}
