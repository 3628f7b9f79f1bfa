// The same work twice on one device must give the same bits: a result that moves is a race.
import { cudaCases } from '../../bench/cuda/cases.js'
import type { CudaCase } from '../../bench/cuda/case.js'
import { place, record } from '../../bench/cuda/measure.js'
import { withOwnProducts } from '../../bench/cuda/own-products.js'
import type { CudaSizes } from '../../bench/cuda/sizes.js'
import { Device, type Plan, type Region } from '../../lib/native/device.js'
import { loadAddon } from '../../lib/native/load.js'
import type { Lines } from './lines.js'
import { train, tinyRun, type TinySize } from './tiny-run.js'

/** Of each result: reading it back is what takes the time. */
const mostBytes = 64e6

/** Every op of the benchmark, `times` times on equal inputs. */
export async function repeatOps(name: string, sizes: CudaSizes, times: number, lines: Lines): Promise<void> {
  const device = Device.create({ device: name })
  try {
    for (const benchCase of cudaCases(sizes)) {
      await lines.guard(benchCase.name, async () => {
        const began = performance.now()
        const first = await resultsOf(device, benchCase)
        let different = 0
        for (let i = 1; i < times; i++) {
          const again = await resultsOf(device, benchCase)
          if (!again.every((bytes, j) => bytes.equals(first[j]!))) different++
        }
        const verdict = { ok: different === 0, ms: performance.now() - began, times }
        const error = `${different} of ${times - 1} repetitions differ from the first on equal inputs`
        lines.add({ name: benchCase.name, ...verdict, ...(different > 0 && { error }) })
      })
    }
  } finally {
    device.dispose()
  }
}

/** What one run on fresh tensors writes. */
async function resultsOf(device: Device, benchCase: CudaCase): Promise<Buffer[]> {
  const regions: Region[] = []
  const plans: Plan[] = []
  try {
    const tensors = await place(device, benchCase, 0, regions)
    for (const commands of [benchCase.prepare ?? [], benchCase.commands]) {
      const plan = device.createPlan(benchCase.name)
      plans.push(plan)
      record(plan, commands, tensors)
      await plan.run()
    }
    const results: Buffer[] = []
    for (const written of writtenTensors(benchCase)) {
      const { region } = tensors[written]!
      results.push(Buffer.from(await region.read(0, Math.min(region.bytes, mostBytes))))
    }
    return results
  } finally {
    for (const plan of plans) plan.dispose()
    for (const region of regions) region.dispose()
  }
}

function writtenTensors({ commands }: CudaCase): Set<string> {
  const schemas = new Map(
    loadAddon()
      .addon.ops()
      .map((op) => [op.name, op]),
  )
  const written = commands.flatMap(({ op, tensors }) =>
    schemas
      .get(op)!
      .tensors.filter(({ name, access }) => access !== 'read' && name in tensors)
      .map(({ name }) => tensors[name]!),
  )
  return new Set(written.map((use) => (typeof use === 'string' ? use : use.tensor)))
}

/**
 * Two trainings from one seed: losses and the final weights. With our own products, because cuBLASLt's algorithms are chosen
 * by timing, anew in each run; that a run with them repeats is what training.ts checks by resuming.
 */
export async function repeatTraining(device: string, size: TinySize, lines: Lines): Promise<void> {
  await lines.guard('two equal trainings', async () => {
    const began = performance.now()
    const once = () => withOwnProducts(() => train(tinyRun(device, size)))
    const [first, second] = [await once(), await once()]
    const sameLosses = JSON.stringify(first.losses) === JSON.stringify(second.losses)
    const sameWeights = first.weights === second.weights
    lines.add({
      name: 'two equal trainings',
      ok: sameLosses && sameWeights,
      ms: performance.now() - began,
      ...size,
      last_loss: first.losses.at(-1),
      ...(!sameLosses && { error: 'the losses differ' }),
      ...(sameLosses && !sameWeights && { error: 'the losses agree, the final weights differ' }),
    })
  })
}
