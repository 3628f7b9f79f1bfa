import { join } from 'node:path'
import type { ModelConfig } from '../../lib/config/types.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { loadModel, type LoadedModel } from '../../lib/eval/model.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { readerOf } from '../checkpoint/fixture.js'
import { flatten } from './flat-weights.js'
import { goldenWeights } from './golden.js'

/** A tiny model with the weights of the golden formula, which read up to 256 tokens. */
export async function exportEvalModel(
  folder: string,
  tokenizerSpec = 'bytes',
  changes: Partial<ModelConfig> = {},
): Promise<string> {
  const tokenizer = await loadTokenizer(tokenizerSpec)
  const model: ModelConfig = {
    vocabSize: tokenizer.vocabSize,
    width: 32,
    feedForward: 48,
    layers: 2,
    heads: 2,
    kvHeads: 1,
    headDim: 16,
    ropeTheta: 10000,
    normEpsilon: 1e-5,
    tiedHead: false,
    initStd: 0.02,
    ...changes,
  }
  const path = join(folder, 'model')
  await exportHuggingFace({
    folder: path,
    model,
    settings: { positions: 256, bosId: tokenizer.bosId, eosId: tokenizer.eosId },
    weights: readerOf(flatten(model, goldenWeights(model))),
    tokenizerFiles: await tokenizer.files(),
  })
  tokenizer.dispose()
  return path
}

/** On the CPU unless another device is named, whatever else there is: the tests hold bits against bits. */
export function loadEvalModel(folder: string, device = 'cpu'): Promise<LoadedModel> {
  return loadModel(folder, { device, threads: 2 })
}
