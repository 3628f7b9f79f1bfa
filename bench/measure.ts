import type { Device, Region } from '../lib/native/device.js'
import { bytesOf, tensor } from '../lib/tensor/tensor.js'
import type { Case, CaseTensor } from './case.js'
import { fill } from './fill.js'
import { summary, type Timing } from './statistics.js'

export { summary, type Timing } from './statistics.js'

/** How long an op is repeated. */
export interface Repetition {
  readonly warmUpRuns: number
  readonly leastRuns: number
  /** Short ops run more often: a single one is shorter than a disturbance. */
  readonly leastSeconds: number
  readonly mostRuns: number
}

const alone: Repetition = { warmUpRuns: 3, leastRuns: 20, leastSeconds: 0.2, mostRuns: 500 }

export interface Measurement extends Timing {
  /** Seconds of every run. */
  samples: number[]
  /** Of one run. */
  flops: number
  bytes: number
}

/** Runs the op alone, again and again; times come from the native side, so the queue and JavaScript are not in them. */
export async function measureCase(
  device: Device,
  benchCase: Case,
  { warmUpRuns, leastRuns, leastSeconds, mostRuns }: Repetition = alone,
): Promise<Measurement> {
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

    const samples: number[] = []
    let total = 0
    let elapsed = 0
    while (samples.length < leastRuns || (elapsed < leastSeconds && samples.length < mostRuns)) {
      await plan.run()
      const entry = plan.describe().entries[0]!
      const took = (entry.nanoseconds - total) / 1e9
      total = entry.nanoseconds
      if (entry.runs <= warmUpRuns) continue
      samples.push(took)
      elapsed += took
    }
    const { flops, bytes } = plan.describe().entries[0]!
    return { ...summary(samples), samples, flops, bytes }
  } finally {
    plan.dispose()
    for (const region of regions) region.dispose()
  }
}
