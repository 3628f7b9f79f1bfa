import { readFileSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import type { Prepared } from './prepared.js'
import type { Finish, Ready, Task, Turn } from './protocol.js'

/**
 * Speaks protocol.ts for a program of Node, from its task to its end; stdout carries the protocol alone. What goes wrong is
 * the last line of stderr, which is the reason that is shown.
 */
export async function contend(prepare: (task: Task) => Promise<Prepared>): Promise<never> {
  try {
    await answerTurns(JSON.parse(process.argv.at(-1)!) as Task, prepare)
    process.exit()
  } catch (error) {
    console.error((error as Error).message)
    process.exit(1)
  }
}

async function answerTurns(task: Task, prepare: (task: Task) => Promise<Prepared>): Promise<void> {
  const baseBytes = residentBytes('VmRSS')
  const answer = (message: Ready | Turn | Finish) => process.stdout.write(`${JSON.stringify(message)}\n`)
  const { run, values, versions } = await prepare(task)
  for (let i = 0; i < task.warmUps; i++) {
    const value = await run()
    if (value !== null) values.push(value)
  }
  await forgetGarbage()
  const peakSinceWarmUp = forgetPeak()
  answer({ ready: true, values, versions: { node: process.version, ...versions } })

  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'finish') {
      answer({ peakBytes: residentBytes('VmHWM'), baseBytes, peakSinceWarmUp })
      return
    }
    const start = performance.now()
    let value: number | null = null
    for (let i = 0; i < task.repeats; i++) value = await run()
    answer({ seconds: (performance.now() - start) / 1000 / task.repeats, value })
  }
}

function residentBytes(field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))
  return 1024 * Number(line![1])
}

/** What prepared the inputs is no part of training. A second collection, later, frees what the first one found finalizers of. */
async function forgetGarbage(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await setTimeout(20)
  }
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
