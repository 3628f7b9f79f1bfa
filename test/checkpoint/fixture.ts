import { expect } from 'vitest'
import type { CheckpointState } from '../../lib/checkpoint/manifest.js'
import type { RegionReader, RegionWriter } from '../../lib/checkpoint/region.js'
import type { Checkpoint } from '../../lib/checkpoint/open.js'
import type { AtPoint } from '../../lib/checkpoint/points.js'
import { writeCheckpoint, type SavedCheckpoint, type WriteJob } from '../../lib/checkpoint/write.js'
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
    stageOrigin: 640,
    stageSamples: 16,
    updates: step,
    health: {
      incidents: 1,
      spent: 0,
      loss: { count: step, mean: 1 / 3, variance: 0.1 / step },
      gradientNorm: { count: step, mean: Math.PI, variance: 1e-300 },
    },
    codeVersion: '0.1.0',
    run: { config: { seed: 1, stages: [{ patchSize: 4 }, { patchSize: 1 }] }, tokenizer: 'abc', data: 'def' },
  }
}

/** What step `step` holds: regions that can be told from those of any other step. */
export function regionsAt(step: number): Record<string, Float32Array[]> {
  const [weights, m, v] = [0, 1, 2].map((i) => [filledRegion(tinyTable, step * 3 + i)])
  return { weights: weights!, m: m!, v: v! }
}

/** A save of step `step`. */
export function jobOf(folder: string, step: number, more: Partial<WriteJob> = {}): WriteJob {
  const retention = { keep: 3, keepEvery: 0, best: undefined }
  const { parameters } = tinyTable
  return { folder, state: stateAt(step), parameters, regions: regionsAt(step), retention, ...more }
}

export function save(
  folder: string,
  step: number,
  more: Partial<WriteJob> = {},
  at?: AtPoint,
): Promise<SavedCheckpoint> {
  return writeCheckpoint(jobOf(folder, step, more), at)
}

export async function loaded(checkpoint: Checkpoint, region: string): Promise<Float32Array> {
  const values = new Float32Array(tinyTable.size)
  await checkpoint.load(region, tinyTable, writerOf(values))
  return values
}

/** The checkpoint holds state and regions of this step, bit for bit. */
export async function expectStep(checkpoint: Checkpoint | undefined, step: number): Promise<void> {
  expect(checkpoint?.state).toEqual(stateAt(step))
  for (const [region, [values]] of Object.entries(regionsAt(step))) {
    expect(await loaded(checkpoint!, region)).toEqual(values)
  }
}
