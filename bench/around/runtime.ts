// What the addon and its plans cost the JavaScript side: loading, a call, and the event loop while a model trains.
import { execFileSync } from 'node:child_process'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Device } from '../../lib/native/device.js'
import { fill } from '../../lib/tensor/ops.js'
import { bytesOf, tensor } from '../../lib/tensor/tensor.js'
import type { StepSession } from '../step/session.js'
import type { Shared } from './shared.js'
import type { AroundSpec } from './subject.js'

/** A timer that should tick every 10 ms should never wait longer than this. */
const longestWait = 0.05

interface LoadAnswer {
  readonly seconds: number
  readonly processorSeconds: number
}

export function loading(): AroundSpec {
  const script = fileURLToPath(new URL('./around/load-process.js', import.meta.url))
  const once = () => JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' })) as LoadAnswer
  return {
    name: 'load the addon',
    sizes: 'and open the CPU device',
    follows: 'compute',
    note: 'a new process each time',
    measure: async ({ aroundRuns }) => {
      once() // brings the files into the page cache
      const answers = Array.from({ length: 2 * aroundRuns }, once)
      return {
        seconds: answers.map(({ seconds }) => seconds),
        childSeconds: answers.reduce((sum, { processorSeconds }) => sum + processorSeconds, 0),
      }
    },
  }
}

/** Main-thread time, queueing and the promise included. */
export function planRun(): AroundSpec {
  const calls = 500
  return {
    name: 'plan.run()',
    sizes: 'of one tiny op',
    follows: 'compute',
    note: `main-thread time of a call; each run is the mean of ${calls}`,
    measure: async ({ aroundRuns }) => {
      const device = Device.create({ device: 'cpu', threads: 1 })
      try {
        const spec = { dtype: 'f32', shape: [1] } as const
        const plan = device.createPlan('one number')
        fill(plan, tensor(device.allocate(bytesOf(spec), 'scalar'), 0, spec.dtype, spec.shape), 0)
        for (let i = 0; i < calls; i++) await plan.run()
        const seconds: number[] = []
        for (let run = 0; run < 2 * aroundRuns; run++) {
          const before = performance.eventLoopUtilization()
          for (let i = 0; i < calls; i++) await plan.run()
          seconds.push(performance.eventLoopUtilization(before).active / 1000 / calls)
        }
        return { seconds }
      } finally {
        device.dispose()
      }
    },
  }
}

interface LoopDelays {
  readonly delay999: number
  readonly timerWait: number
}

/** Two rows of the same steps: one number a round each, because both are about the worst there was. */
export function eventLoop(session: Shared<StepSession>, what: string, threads: number): AroundSpec[] {
  let latest: Promise<LoopDelays> | undefined
  const row = (name: string, figure: keyof LoopDelays, note: string, first: boolean): AroundSpec => ({
    name,
    sizes: `training ${what}`,
    threads,
    follows: 'compute',
    note,
    measure: async () => {
      if (first || !latest) latest = delaysOf(session)
      return { seconds: [(await latest)[figure]] }
    },
  })
  return [
    row('event-loop delay', 'delay999', '99.9th percentile over 1.5 s', true),
    row('10 ms timer', 'timerWait', `its longest wait; should stay under ${longestWait * 1000} ms`, false),
  ]
}

async function delaysOf(session: Shared<StepSession>): Promise<LoopDelays> {
  const training = await session.get()
  await training.step()
  const resolution = 10 // ms; the histogram counts it into every delay
  const histogram = monitorEventLoopDelay({ resolution })
  let last = performance.now()
  let timerWait = 0
  const timer = setInterval(() => {
    const now = performance.now()
    timerWait = Math.max(timerWait, (now - last) / 1000)
    last = now
  }, 10)
  histogram.enable()
  const start = performance.now()
  while (performance.now() - start < 1500) await training.step()
  histogram.disable()
  clearInterval(timer)
  return { delay999: Math.max(0, histogram.percentile(99.9) / 1e9 - resolution / 1000), timerWait }
}
