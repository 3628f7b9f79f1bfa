import type { Device, Region } from '../lib/native/device.js'
import { bytesOf, tensor } from '../lib/tensor/tensor.js'
import type { Case, CaseTensor } from './case.js'
import { fill } from './fill.js'

const warmUpRuns = 3
const leastRuns = 20
const leastSeconds = 0.2 // short ops run more often: a single one is shorter than a disturbance
const mostRuns = 500

export interface Timing {
  /** The median run. */
  seconds: number
  /** The shortest run: what to compare on a busy machine. */
  best: number
  /** The middle half of all runs, relative to the median. */
  spread: number
  runs: number
}

export interface Measurement extends Timing {
  /** Of one run. */
  flops: number
  bytes: number
}

/** Runs the op alone, again and again; times come from the native side, so the queue and JavaScript are not in them. */
export async function measureCase(device: Device, benchCase: Case): Promise<Measurement> {
  const regions: Region[] = []
  const plan = device.createPlan(benchCase.op)
  try {
    const place = async ([slot, spec]: [string, CaseTensor]) => {
      const region = device.allocate(bytesOf(spec), slot)
      regions.push(region)
      await fill(device, tensor(region, 0, spec.dtype, spec.shape), spec, regions.length)
      return [slot, { region: region.id, offset: 0, dtype: spec.dtype, shape: spec.shape }] as const
    }
    const tensors = Object.fromEntries(await Promise.all(Object.entries(benchCase.tensors).map(place)))
    plan.record(benchCase.op, tensors, benchCase.params)

    const seconds: number[] = []
    let total = 0
    let elapsed = 0
    while (seconds.length < leastRuns || (elapsed < leastSeconds && seconds.length < mostRuns)) {
      await plan.run()
      const entry = plan.describe().entries[0]!
      const took = (entry.nanoseconds - total) / 1e9
      total = entry.nanoseconds
      if (entry.runs <= warmUpRuns) continue
      seconds.push(took)
      elapsed += took
    }
    const { flops, bytes } = plan.describe().entries[0]!
    return { ...summary(seconds), flops, bytes }
  } finally {
    plan.dispose()
    for (const region of regions) region.dispose()
  }
}

export function summary(seconds: readonly number[]): Timing {
  const sorted = [...seconds].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  return { seconds: at(0.5), best: at(0), spread: (at(0.75) - at(0.25)) / at(0.5), runs: sorted.length }
}
