import type { Device, Plan, Region } from '../../lib/native/device.js'
import { bytesOf, rows, tensor, type Tensor } from '../../lib/tensor/tensor.js'
import { fill } from '../fill.js'
import { summary } from '../measure.js'
import type { Command, CudaCase, Use } from './case.js'
import type { CudaSizes } from './sizes.js'

export interface Measurement {
  /** Of the commands of the case together: the median run. */
  readonly milliseconds: number
  /** The middle half of the runs, relative to the median. */
  readonly spread: number
  /** How often the case was done in one run. */
  readonly repeats: number
  /** Of its products (gemm and attention), multiply and add counted apart. */
  readonly flops: number
  /** Every tensor of every command read or written once. */
  readonly bytes: number
}

/** A graph of more kernels takes long to build and tells nothing new. */
const mostRepeats = 2000
const mostCopies = 16

/**
 * Does the case many times inside one plan, over rotating copies of its tensors, and times whole runs by the wall clock: with
 * enough repeats the cost of starting a run vanishes, and what is left is what the case costs inside a training step.
 */
export async function measureCudaCase(
  device: Device,
  benchCase: CudaCase,
  sizes: CudaSizes,
): Promise<Measurement> {
  const regions: Region[] = []
  const plans: Plan[] = []
  const recorded = (repeats: number, copies: readonly Tensors[], commands = benchCase.commands) => {
    const plan = device.createPlan(benchCase.name)
    plans.push(plan)
    for (let i = 0; i < repeats; i++) record(plan, commands, copies[i % copies.length]!)
    return plan
  }
  try {
    const bytesOfOne = Object.values(benchCase.tensors).reduce((sum, spec) => sum + bytesOf(spec), 0)
    const count = Math.min(mostCopies, Math.ceil(sizes.rotatedBytes / bytesOfOne))
    const copies: Tensors[] = []
    for (let i = 0; i < count; i++) copies.push(await place(device, benchCase, i, regions))
    if (benchCase.prepare) await recorded(count, copies, benchCase.prepare).run()

    const once = recorded(count, copies)
    const estimate = (await timeRuns(once, 1)).seconds / count
    const { entries } = once.describe()
    const ofProducts = entries.filter(({ op }) => op === 'gemm' || op.startsWith('attention'))
    const rounds = Math.floor(Math.min(mostRepeats, sizes.runSeconds / estimate) / count)
    const repeats = Math.max(1, rounds) * count
    const { seconds, spread } = await timeRuns(recorded(repeats, copies), sizes.runs)
    return {
      milliseconds: (seconds / repeats) * 1000,
      spread,
      repeats,
      flops: ofProducts.reduce((sum, { flops }) => sum + flops, 0) / count,
      bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) / count,
    }
  } finally {
    for (const plan of plans) plan.dispose()
    for (const region of regions) region.dispose()
  }
}

type Tensors = Readonly<Record<string, Tensor>>

/** One copy of the case's tensors, filled. */
export async function place(
  device: Device,
  { tensors }: CudaCase,
  copy: number,
  regions: Region[],
): Promise<Tensors> {
  const placed: Record<string, Tensor> = {}
  for (const [name, spec] of Object.entries(tensors)) {
    const region = device.allocate(bytesOf(spec), name)
    regions.push(region)
    placed[name] = tensor(region, 0, spec.dtype, spec.shape)
    await fill(
      device,
      placed[name],
      spec,
      1 + copy * Object.keys(tensors).length + Object.keys(placed).length,
    )
  }
  return placed
}

export function record(plan: Plan, commands: readonly Command[], tensors: Tensors): void {
  const argument = (use: Use) => {
    const whole = tensors[typeof use === 'string' ? use : use.tensor]!
    const { region, offset, dtype, shape } = typeof use === 'string' ? whole : rows(whole, ...use.rows)
    return { region: region.id, offset, dtype, shape }
  }
  for (const { op, tensors: slots, params } of commands)
    plan.record(
      op,
      Object.fromEntries(Object.entries(slots).map(([slot, use]) => [slot, argument(use)])),
      params,
    )
}

/** The first run launches kernel by kernel and chooses algorithms, the second captures a graph, the third warms it up. */
const warmUpRuns = 3

async function timeRuns(plan: Plan, runs: number): Promise<{ seconds: number; spread: number }> {
  for (let i = 0; i < warmUpRuns; i++) await plan.run()
  const seconds: number[] = []
  for (let i = 0; i < runs; i++) {
    const began = performance.now()
    await plan.run()
    seconds.push((performance.now() - began) / 1000)
  }
  return summary(seconds)
}
