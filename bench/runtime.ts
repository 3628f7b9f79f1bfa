// What the plan machinery costs the JavaScript side: loading, a call, and the event loop while a plan runs.
import { execFileSync } from 'node:child_process'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Device } from '../lib/native/device.js'
import { bytesOf, tensor } from '../lib/tensor/tensor.js'
import { fill, gemm } from '../lib/tensor/ops.js'
import { summary, type Timing } from './measure.js'

/** A timer that should tick every 10 ms must never wait longer than this. */
export const longestWait = 0.05

export interface RuntimeCost {
  /** Loading the addon and opening the CPU device, in a new process each time. */
  load: Timing
  /** Main-thread time of one `await plan.run()`, queueing and the promise included. */
  run: { seconds: number; runs: number }
  /** While one plan runs for `seconds`: how late the event loop was, and the longest wait of a 10 ms timer. */
  eventLoop: { seconds: number; delay999: number; delayMax: number; timerWait: number; ticks: number }
}

export async function measureRuntime(): Promise<RuntimeCost> {
  const device = Device.create()
  try {
    return { load: measureLoad(), run: await measureRun(device), eventLoop: await measureEventLoop(device) }
  } finally {
    device.dispose()
  }
}

function measureLoad(): RuntimeCost['load'] {
  const script = fileURLToPath(new URL('./load.js', import.meta.url))
  const once = () => Number(execFileSync(process.execPath, [script], { encoding: 'utf8' }))
  once() // brings the files into the page cache
  return summary(Array.from({ length: 10 }, once))
}

async function measureRun(device: Device): Promise<RuntimeCost['run']> {
  const spec = { dtype: 'f32', shape: [1] } as const
  const region = device.allocate(bytesOf(spec), 'scalar')
  const plan = device.createPlan('one number')
  fill(plan, tensor(region, 0, spec.dtype, spec.shape), 0)
  const runs = 5000
  for (let i = 0; i < runs / 10; i++) await plan.run()
  const before = performance.eventLoopUtilization()
  for (let i = 0; i < runs; i++) await plan.run()
  const { active } = performance.eventLoopUtilization(before)
  plan.dispose()
  region.dispose()
  return { seconds: active / 1000 / runs, runs }
}

async function measureEventLoop(device: Device): Promise<RuntimeCost['eventLoop']> {
  const n = 1024
  const shape = [n, n]
  const region = device.allocate(3 * n * n * 4, 'matrices')
  const [a, b, c] = [0, 1, 2].map((i) => tensor(region, i * n * n * 4, 'f32', shape))
  const plan = device.createPlan('a long plan')
  for (let i = 0; i < 100; i++) gemm(plan, { a: a!, b: b!, c: c! })

  const resolution = 10 // ms; the histogram counts it into every delay
  const histogram = monitorEventLoopDelay({ resolution })
  let last = performance.now()
  let timerWait = 0
  let ticks = 0
  const timer = setInterval(() => {
    const now = performance.now()
    timerWait = Math.max(timerWait, (now - last) / 1000)
    last = now
    ticks++
  }, 10)
  const start = performance.now()
  histogram.enable()
  while (performance.now() - start < 1500) await plan.run()
  histogram.disable()
  clearInterval(timer)
  const seconds = (performance.now() - start) / 1000
  plan.dispose()
  region.dispose()
  return {
    seconds,
    delay999: histogram.percentile(99.9) / 1e9 - resolution / 1000,
    delayMax: histogram.max / 1e9 - resolution / 1000,
    timerWait,
    ticks,
  }
}
