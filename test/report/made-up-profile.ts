import type { Ceilings } from '../../lib/native/addon.js'
import type { PlacedEntry } from '../../lib/native/device.js'
import { stepProfile, type RunProfile, type StepProfile, type StepSample } from '../../lib/report/profile.js'
import { config } from './events.js'

/** 1 FLOP and 1 byte take a millisecond, so floors can be read off the costs. */
export const ceilings: Ceilings = { flopsPerSecond: 1000, bytesPerSecond: 1000 }

/** A made-up op of a step; `runs` of them in each. */
function entry(
  scope: string,
  op: string,
  shapes: Record<string, number[]>,
  cost: { flops: number; bytes: number },
  runs = 1,
): PlacedEntry {
  const tensors = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { dtype: 'f32' as const, shape }]),
  )
  return { op, scope: scope.split('/'), tensors, params: {}, ...cost, nanoseconds: 0, runs }
}

const product = { a: [8, 4], b: [6, 4], c: [8, 6] }
const norm = { x: [8, 4], y: [8, 4] }

/** Two layers, of which the second runs three times: a step of several micro-batches. */
export const entries: readonly PlacedEntry[] = [
  entry('forward', 'patch_embedding', { ids: [2, 4], table: [9, 4] }, { flops: 1, bytes: 2 }),
  entry('forward/layers.0', 'rms_norm', norm, { flops: 2, bytes: 4 }),
  entry('forward/layers.0/attention.qkv', 'gemm', product, { flops: 20, bytes: 5 }),
  entry('forward/layers.1', 'rms_norm', norm, { flops: 2, bytes: 4 }, 3),
  entry('forward/layers.1/attention.qkv', 'gemm', product, { flops: 20, bytes: 5 }, 3),
  entry('backward/layers.1/recompute', 'rms_norm', norm, { flops: 2, bytes: 4 }),
  entry('update', 'adamw', { weight: [50], gradient: [50] }, { flops: 7, bytes: 9 }),
]

/** Seconds of each entry in three steps; the wall clock adds 2, 1 and 3 ms. */
export const samples: readonly StepSample[] = [
  { seconds: 0.2, opSeconds: [0.002, 0.008, 0.04, 0.012, 0.12, 0.006, 0.01] },
  { seconds: 0.159, opSeconds: [0.001, 0.005, 0.03, 0.012, 0.1, 0.004, 0.006] },
  { seconds: 0.191, opSeconds: [0.004, 0.006, 0.035, 0.012, 0.11, 0.009, 0.012] },
]

export const step: StepProfile = stepProfile({ stage: config.stages[0]!, entries, samples, ceilings })

/** Its ops were timed apart, launched one by one: together they take longer than the step. */
export const stepOfGraphs: StepProfile = stepProfile({
  stage: config.stages[0]!,
  entries,
  samples: samples.map(({ seconds, opSeconds }) => ({ seconds: seconds / 2, opSeconds })),
  ceilings,
  opsApart: true,
})

export function profileWith(...stages: StepProfile[]): RunProfile {
  return { name: 'made-up', device: 'cpu (test)', parameters: 870_016, ceilings, drift: 0.01, stages }
}
