// Every op once at small sizes: what a memory checker or profiler is put around.
import { cudaCases } from '../../bench/cuda/cases.js'
import { place, record } from '../../bench/cuda/measure.js'
import type { CudaSizes } from '../../bench/cuda/sizes.js'
import { Device, type Region } from '../../lib/native/device.js'

export async function runEveryOp(name: string, sizes: CudaSizes, filters: readonly string[]): Promise<void> {
  const device = Device.create({ device: name })
  const chosen = cudaCases(sizes).filter(
    (benchCase) => filters.length === 0 || filters.some((filter) => benchCase.name.includes(filter)),
  )
  for (const benchCase of chosen) {
    const regions: Region[] = []
    const tensors = await place(device, benchCase, 0, regions)
    const plan = device.createPlan(benchCase.name)
    record(plan, [...(benchCase.prepare ?? []), ...benchCase.commands], tensors)
    await plan.run()
    plan.dispose()
    for (const region of regions) region.dispose()
  }
  device.dispose()
  console.log(`ran ${chosen.length} cases`)
}
