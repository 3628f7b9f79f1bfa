// A process of its own that trains one model, so that its memory is the step's alone. Started by step/subject.ts:
// each request is answered with the steps it asked for; it ends when its parent does.
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { PlanDescription } from '../../lib/native/addon.js'
import { Device } from '../../lib/native/device.js'
import { predictRun } from '../../lib/train/run-plan.js'
import type { StepMemory } from '../report.js'
import { stepConfig, stepModels } from './models.js'
import { StepSession } from './session.js'

export interface StepRequest {
  readonly warmUpSteps: number
  readonly steps: number
}

export interface StepAnswer {
  readonly seconds: readonly number[]
  readonly javascript: readonly number[]
  /** Nanoseconds in each op, over the steps of this answer. */
  readonly nanoseconds: Readonly<Record<string, number>>
  readonly memory?: StepMemory
  /** Of the process since it began. */
  readonly processorSeconds: number
  readonly error?: string
}

const [name, threadsText] = process.argv.slice(2)
const model = stepModels.find((known) => known.name === name)!
const threads = Number(threadsText)
Device.create({ device: 'cpu', threads }).dispose()
const baseline = residentBytes('VmRSS')
const session = StepSession.create(model, threads)
session.catch(() => undefined) // told with the first answer

process.on('disconnect', () => process.exit())
process.on('message', (request: StepRequest) => void reply(request))

async function reply(request: StepRequest): Promise<void> {
  try {
    process.send!(await answer(request))
  } catch (error) {
    const nothing = { seconds: [], javascript: [], nanoseconds: {}, processorSeconds: 0 }
    const failure: StepAnswer = { ...nothing, error: (error as Error).message }
    process.send!(failure)
  }
}

async function answer({ warmUpSteps, steps }: StepRequest): Promise<StepAnswer> {
  const training = await session
  for (let i = 0; i < warmUpSteps; i++) await training.step()
  const before = timesOf(training.describe())
  const seconds: number[] = []
  const javascript: number[] = []
  for (let i = 0; i < steps; i++) {
    const loop = performance.eventLoopUtilization()
    const start = performance.now()
    await training.step()
    seconds.push((performance.now() - start) / 1000)
    javascript.push(performance.eventLoopUtilization(loop).active / 1000)
  }
  const after = timesOf(training.describe())
  const nanoseconds = Object.fromEntries(
    Object.entries(after).map(([op, time]) => [op, time - (before[op] ?? 0)]),
  )
  const memory = memoryOf(training)
  return { seconds, javascript, nanoseconds, ...(memory && { memory }), processorSeconds: processorSeconds() }
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function timesOf(plans: readonly PlanDescription[]): Record<string, number> {
  const times: Record<string, number> = {}
  for (const { op, nanoseconds } of plans.flatMap(({ entries }) => entries))
    times[op] = (times[op] ?? 0) + nanoseconds
  return times
}

function memoryOf({ device, engine }: StepSession): StepMemory | undefined {
  const peak = residentBytes('VmHWM')
  if (peak === undefined || baseline === undefined) return undefined
  const config = stepConfig(model, threads)
  const plan = predictRun({
    config,
    device,
    corpusTokens: 1,
    plans: engine.describe(),
    baselineBytes: baseline,
  })
  return { peak, baseline, planned: plan.memoryBytes - plan.savingBytes }
}

/** Undefined on systems without /proc. */
function residentBytes(field: 'VmRSS' | 'VmHWM'): number | undefined {
  try {
    const status = readFileSync('/proc/self/status', 'utf8')
    return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)![1]) * 1024
  } catch {
    return undefined
  }
}
