import { spawn, type ChildProcess } from 'node:child_process'
import type { TrainEvent } from '../../lib/events.js'

/** How a process of ours ended, and what it said. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly events: readonly TrainEvent[]
  readonly err: string
  readonly seconds: number
}

export interface Child {
  readonly ended: Promise<Ended>
  readonly pid: number
  /** Does nothing once the process has ended. */
  send(signal: NodeJS.Signals): void
}

export interface StartOptions {
  readonly environment?: NodeJS.ProcessEnv
  readonly onEvent?: (event: TrainEvent, child: Child) => void
}

/** Starts the built command line, and never signals anything but the processes it started itself. */
export class Children {
  readonly #cli: string
  readonly #running = new Set<ChildProcess>()
  #started = 0

  constructor(cli: string) {
    this.#cli = cli
  }

  get started(): number {
    return this.#started
  }

  start(argv: readonly string[], { environment = {}, onEvent }: StartOptions = {}): Child {
    const began = performance.now()
    const child = spawn(process.execPath, [this.#cli, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    this.#running.add(child)
    this.#started++
    const events: TrainEvent[] = []
    let err = ''
    let rest = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const event = JSON.parse(line) as TrainEvent
        events.push(event)
        try {
          onEvent?.(event, handle)
        } catch (error) {
          child.emit('error', error) // the case has failed, not the harness
        }
      }
    })
    const ended = new Promise<Ended>((done, failed) => {
      child.on('error', failed)
      child.on('close', (code, signal) => {
        this.#running.delete(child)
        done({ code, signal, events, err, seconds: (performance.now() - began) / 1000 })
      })
    })
    ended.catch(() => undefined) // told where it is awaited
    const handle: Child = { ended, pid: child.pid!, send: (signal) => void child.kill(signal) }
    return handle
  }

  /** Ends what still runs. */
  killAll(): void {
    for (const child of this.#running) child.kill('SIGKILL')
  }
}
