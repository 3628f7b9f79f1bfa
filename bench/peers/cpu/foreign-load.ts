import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

/** Clock ticks so far. */
export interface Ticks {
  /** Of all cores together: spent computing, and passed. */
  readonly busy: number
  readonly passed: number
  /** Of the processes that were asked about. */
  readonly own: number
}

/** What the system has computed up to now, and these processes of it; undefined where there is no /proc. */
export function readTicks(pids: readonly number[]): Ticks | undefined {
  try {
    const [user, nice, system, idle, wait, irq, softIrq, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]!
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number) as [number, number, number, number, number, number, number, number]
    const busy = user + nice + system + irq + softIrq + steal
    const own = pids.reduce((sum, pid) => sum + ticksOf(pid), 0)
    return { busy, passed: busy + idle + wait, own }
  } catch {
    return undefined
  }
}

/** User and system time of one process: fields 14 and 15, counted behind the name, which may hold anything. */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** How many cores others kept busy between two readings, on average. */
export function foreignCores(before: Ticks, after: Ticks, cores = cpus().length): number {
  const others = after.busy - before.busy - (after.own - before.own)
  return (cores * Math.max(0, others)) / (after.passed - before.passed)
}

/** What a thread that spins shows in: several ticks of the clock. */
const watched = 40

/**
 * Waits until these processes have stopped computing. Thread pools spin for a while before they sleep, OpenBLAS's for some
 * hundred milliseconds, and would take the cores of whoever comes next. Waits the shortest time where there is no /proc.
 * @param most milliseconds, for one that never stops
 */
export async function untilIdle(pids: readonly number[], most = 3000, read = readTicks): Promise<void> {
  const deadline = performance.now() + most
  for (let before = read(pids)?.own; ;) {
    await pause(watched)
    const now = read(pids)?.own
    if (now === before || performance.now() > deadline) return
    before = now
  }
}
