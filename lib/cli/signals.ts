import type { EventEmitter } from 'node:events'
import type { Terminal } from '../report/terminal.js'
import { exitCode } from './exit.js'

/** Where signals come from: `process`, or a stand-in. */
export type SignalSource = Pick<EventEmitter, 'on' | 'off'> & { exit(code: number): void }

/**
 * What main.ts emits on `process` when stdout cannot be written any more. The system's own SIGPIPE will not do: it also
 * comes when stderr is gone, which is no reason to stop.
 */
export const stdoutGone = 'patchtrain:stdout-gone'

export interface Outcome<T> {
  /** Undefined when the work was stopped before it had one. */
  readonly value: T | undefined
  readonly stoppedBy: StopSignal | undefined
  /** Exit code of the signal that came, if one did; for work of which nothing was saved. */
  readonly stoppedWith: number | undefined
}

/**
 * Exit codes of a stop, and of leaving at once. SIGUSR2 is how a scheduler asks for an early, orderly end: who asks with
 * it wants "worth trying again" where nothing was saved, and never a code that could be taken for success.
 */
const codes = {
  SIGINT: { stopped: exitCode.interrupted, atOnce: exitCode.interrupted },
  SIGTERM: { stopped: exitCode.terminated, atOnce: exitCode.terminated },
  SIGHUP: { stopped: exitCode.hungUp, atOnce: exitCode.hungUp },
  SIGUSR2: { stopped: exitCode.tryAgain, atOnce: exitCode.failure },
  /** Our word for `stdoutGone`. */
  SIGPIPE: { stopped: exitCode.brokenPipe, atOnce: exitCode.brokenPipe },
} as const

export type StopSignal = keyof typeof codes

const usual: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']

/**
 * `timeout` and some schedulers signal a process and then its group, and so the process again: the same signal within this
 * time is the same request.
 */
const echoMilliseconds = 500

export interface StopOptions {
  readonly source?: SignalSource
  readonly signals?: readonly StopSignal[]
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number
}

/**
 * Runs `work` with a signal that SIGINT, SIGTERM, SIGHUP and SIGUSR2 abort, so that it can finish its step and save. A
 * second signal ends the process at once, in case the end of the step is not worth waiting for.
 */
export async function untilStopped<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onStop: (signal: StopSignal) => void,
  { source = process, signals = usual, now = () => performance.now() }: StopOptions = {},
): Promise<Outcome<T>> {
  const controller = new AbortController()
  let stoppedBy: StopSignal | undefined
  let asked: { readonly by: StopSignal; readonly at: number } | undefined
  const receive = (signal: StopSignal) => {
    if (signal === 'SIGPIPE') {
      // Ctrl+C takes the reader of a pipe along, and its end is noticed before or after the signal: that makes no second one.
      if (stoppedBy) return
    } else if (asked) {
      if (asked.by === signal && now() - asked.at < echoMilliseconds) return
      return source.exit(codes[signal].atOnce)
    } else asked = { by: signal, at: now() }
    stoppedBy = signal
    onStop(signal)
    controller.abort()
  }
  const listeners = signals.map((signal) => ({
    event: signal === 'SIGPIPE' ? stdoutGone : signal,
    listener: () => receive(signal),
  }))
  for (const { event, listener } of listeners) source.on(event, listener)
  const outcome = (value: T | undefined): Outcome<T> => ({
    value,
    stoppedBy,
    stoppedWith: stoppedBy && codes[stoppedBy].stopped,
  })
  try {
    return outcome(await work(controller.signal))
  } catch (error) {
    // Whatever the work throws when it is told to stop, being stopped is what happened.
    if (stoppedBy && isAbort(error)) return outcome(undefined)
    throw error
  } finally {
    for (const { event, listener } of listeners) source.off(event, listener)
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** What a stop signal is answered with while something worth finishing is under way. */
export function sayStopping(terminal: Terminal, what: string): (signal: StopSignal) => void {
  return (signal) => terminal.write(`${signal}: ${what}. Again to leave at once.\n`)
}
