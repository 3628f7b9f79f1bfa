import type { CheckpointState } from '../../lib/checkpoint/manifest.js'
import type { RegionReader, RegionWriter } from '../../lib/checkpoint/region.js'
import type { SaveOptions } from '../../lib/checkpoint/save.js'
import type { ModelConfig } from '../../lib/config/types.js'
import { parameterTable, type ParameterTable } from '../../lib/model/parameters.js'

/** Small, with every kind of parameter, sizes that leave padding, and grouped queries. */
export const tinyModel: ModelConfig = {
  vocabSize: 7,
  width: 6,
  feedForward: 5,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  ropeTheta: 10000,
  normEpsilon: 1e-5,
  tiedHead: false,
  initStd: 0.02,
}
export const tinyTable = parameterTable(tinyModel)

/** A region whose every element differs, and differs from that of another seed; padding is zero. */
export function filledRegion(table: ParameterTable, seed: number): Float32Array {
  const region = new Float32Array(table.size)
  for (const { offset, size } of table.parameters) {
    for (let i = offset; i < offset + size; i++) region[i] = Math.fround(Math.sin(i + 1 + seed * 1e4))
  }
  return region
}

export function readerOf(region: Float32Array): RegionReader {
  return (offset, count) => region.subarray(offset, offset + count)
}

export function writerOf(region: Float32Array): RegionWriter {
  return (offset, values) => region.set(values, offset)
}

export function stateAt(step: number): CheckpointState {
  return {
    step,
    stage: 1,
    stageStep: 2,
    samples: step * 8,
    tokens: step * 8 * 64,
    flops: step * 1.5e9,
    codeVersion: '0.1.0',
    run: { config: { seed: 1, stages: [{ patchSize: 4 }, { patchSize: 1 }] }, tokenizer: 'abc', data: 'def' },
  }
}

/** A save of step `step`, whose regions can be told from those of any other step. */
export function saveOf(folder: string, step: number, more: Partial<SaveOptions> = {}): SaveOptions {
  const regions = Object.fromEntries(
    ['weights', 'm', 'v'].map((name, i) => [name, readerOf(filledRegion(tinyTable, step * 3 + i))]),
  )
  return { folder, state: stateAt(step), table: tinyTable, regions, keep: 3, ...more }
}
