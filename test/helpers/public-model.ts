import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ModelConfig } from '../../lib/config/types.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, readerOf } from '../checkpoint/fixture.js'

const tokenizerFile = fileURLToPath(new URL('../data/golden/tokenizer/plain.model', import.meta.url))

/** The model of {@link publicModel}: small, and different from every default. */
export const publicShape: ModelConfig = {
  vocabSize: 704, // more than the 700 of the tokenizer
  width: 16,
  feedForward: 24,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 8,
  ropeTheta: 300,
  normEpsilon: 1e-6,
  tiedHead: true,
  initStd: 0.02,
}
export const publicTable = parameterTable(publicShape)

/** Its weights in the flat layout, of a plausible size; norms are near 1. */
export function publicWeights(): Float32Array {
  const isNorm = (i: number) => i >= publicTable.decayed
  return filledRegion(publicTable, 5).map((value, i) => (isNorm(i) && value !== 0 ? 1 : 0) + value / 4)
}

/** A model folder as it is found in public, sharded and with its tokenizer: `parent/public`. */
export async function publicModel(parent: string, weights = publicWeights()): Promise<string> {
  const folder = join(parent, 'public')
  const tokenizer = await loadTokenizer(tokenizerFile)
  await exportHuggingFace({
    folder,
    model: publicShape,
    settings: { positions: 64, bosId: tokenizer.bosId, eosId: tokenizer.eosId },
    weights: readerOf(weights),
    tokenizerFiles: await tokenizer.files(),
    shardBytes: 20_000,
  })
  tokenizer.dispose()
  return folder
}
