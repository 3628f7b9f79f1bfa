import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'

/** A round in which other processes had more of the machine than this is not judged by. */
export const mostOfOthers = 0.05

/** Watches how much of the machine's processor time goes to other processes. */
export class Others {
  readonly #start = performance.now()
  readonly #busy = busySeconds()
  readonly #own = process.cpuUsage()

  /** Their share since the start, 0 … 1. @param children processor seconds of processes that we started */
  share(children: number): number {
    const { user, system } = process.cpuUsage(this.#own)
    const others = busySeconds() - this.#busy - (user + system) / 1e6 - children
    const all = ((performance.now() - this.#start) / 1000) * cpus().length
    return Math.min(1, Math.max(0, others / all))
  }
}

function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000
}
