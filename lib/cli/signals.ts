import type { Terminal } from '../report/terminal.js'
import { exitCode } from './exit.js'

/** Where signals come from: `process`, or a stand-in. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
  off(signal: NodeJS.Signals, listener: () => void): unknown
  exit(code: number): void
}

export interface Outcome<T> {
  /** Undefined when the work was stopped before it had one. */
  readonly value: T | undefined
  /** Exit code of the signal that came, if one did. */
  readonly stoppedWith: number | undefined
}

const codes = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const

/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort, so that it can finish its step and save. A second signal ends
 * the process at once, in case the end of the step is not worth waiting for.
 */
export async function untilStopped<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onStop: (signal: NodeJS.Signals) => void,
  source: SignalSource = process,
): Promise<Outcome<T>> {
  const controller = new AbortController()
  let stoppedWith: number | undefined
  const listeners = (Object.keys(codes) as (keyof typeof codes)[]).map((signal) => {
    const listener = () => {
      if (stoppedWith !== undefined) return source.exit(codes[signal])
      stoppedWith = codes[signal]
      onStop(signal)
      controller.abort()
    }
    source.on(signal, listener)
    return { signal, listener }
  })
  try {
    return { value: await work(controller.signal), stoppedWith }
  } catch (error) {
    // Whatever the work throws when it is told to stop, being stopped is what happened.
    if (stoppedWith !== undefined && isAbort(error)) return { value: undefined, stoppedWith }
    throw error
  } finally {
    for (const { signal, listener } of listeners) source.off(signal, listener)
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** What a stop signal is answered with while something worth finishing is under way. */
export function sayStopping(terminal: Terminal, what: string): (signal: NodeJS.Signals) => void {
  return (signal) => terminal.write(`${signal}: ${what}. Again to leave at once.\n`)
}
