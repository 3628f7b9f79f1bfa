/** Long work in pieces: signals, progress and servers get their turn between them. */
import { setImmediate as turn } from 'node:timers/promises'

/** Milliseconds of work between two turns of the event loop. */
const SLICE = 4

/** A function to call between pieces: it lets the event loop turn when enough time has gone by. */
export function pacer(signal?: AbortSignal): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < SLICE) return undefined
    return turn().then(() => {
      since = performance.now()
      signal?.throwIfAborted()
    })
  }
}

export type Pace = ReturnType<typeof pacer>
