// patchtrain as a contender: node ours.js '<task as JSON>', see protocol.ts.
import { readFileSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { prepareOperation } from './our-operation.js'
import { prepareStep } from './our-step.js'
import type { Finish, Ready, Task, Turn } from './protocol.js'

const task = JSON.parse(process.argv.at(-1)!) as Task
const baseBytes = residentBytes('VmRSS')
const answer = (message: Ready | Turn | Finish) => process.stdout.write(`${JSON.stringify(message)}\n`)

const { run, values, level } = await (task.work === 'step' ? prepareStep(task) : prepareOperation(task))
for (let i = 0; i < task.warmUps; i++) {
  const value = await run()
  if (value !== null) values.push(value)
}
globalThis.gc?.() // what prepared the inputs is no part of training
const peakSinceWarmUp = forgetPeak()
answer({ ready: true, values, versions: { node: process.version, level } })

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'finish') {
    answer({ peakBytes: residentBytes('VmHWM'), baseBytes, peakSinceWarmUp })
    break
  }
  const start = performance.now()
  let value: number | null = null
  for (let i = 0; i < task.repeats; i++) value = await run()
  answer({ seconds: (performance.now() - start) / 1000 / task.repeats, value })
}
process.exit()

function residentBytes(field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))
  return 1024 * Number(line![1])
}

/** From here on VmHWM is the peak of what follows. */
function forgetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}
