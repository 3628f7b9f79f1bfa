import type { Device } from '../lib/native/device.js'
import { f32 } from './case.js'
import { measureCase } from './measure.js'
import type { Speeds } from './report.js'

const n = 1920 // a power of two would have rows that fall onto one another in the caches
const product = {
  op: 'gemm',
  shape: `${n}³`,
  tensors: { a: f32(n, n), b: f32(n, n), c: f32(n, n) },
  params: { trans_a: 0, trans_b: 1, accumulate: 0 },
}
const few = { warmUpRuns: 1, leastRuns: 3, leastSeconds: 0, mostRuns: 3 }

/** What the device can do at most, and what our product reaches of it. */
export async function measureSpeeds(device: Device): Promise<Speeds> {
  const { flopsPerSecond, bytesPerSecond } = await device.measureCeilings()
  const { flops, best } = await measureCase(device, product, few)
  return { flopsPerSecond, bytesPerSecond, gemmFlopsPerSecond: flops / best }
}
