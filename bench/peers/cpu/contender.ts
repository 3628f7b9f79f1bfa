import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Finish, Ready, Turn } from './protocol.js'

/** How to start a program that speaks protocol.ts. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** How long a contender may stay silent, seconds. */
export interface Patience {
  readonly prepare: number
  readonly turn: number
}

/** A child process that takes its turn when asked. Every call fails with the reason when it dies or stays silent. */
export class Contender {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string, undefined>
  readonly #patience: Patience
  /** The process and its pipes have ended. */
  readonly #closed: Promise<unknown>
  #complaints = ''

  private constructor(program: Program, patience: Patience) {
    this.#patience = patience
    this.#child = spawn(program.command, program.args, { env: { ...process.env, ...program.env } })
    const kill = () => this.kill() // one that is still compiling would not notice that nobody asks any more
    process.once('exit', kill)
    this.#closed = new Promise((resolve) => this.#child.once('close', resolve)).finally(() =>
      process.off('exit', kill),
    )
    this.#child.on('error', (error) => (this.#complaints += `\n${error.message}`))
    this.#child.stdin.on('error', () => undefined) // a dead child is noticed where its answer is missing
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-20_000)
    })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Returns once the contender has prepared and warmed up. */
  static async start(program: Program, patience: Patience): Promise<{ contender: Contender; ready: Ready }> {
    const contender = new Contender(program, patience)
    try {
      return { contender, ready: await contender.#answer<Ready>('ready', patience.prepare) }
    } catch (error) {
      contender.kill()
      throw error
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  turn(): Promise<Turn> {
    this.#child.stdin.write('turn\n')
    return this.#answer<Turn>('seconds', this.#patience.turn)
  }

  async finish(): Promise<Finish> {
    this.#child.stdin.end('finish\n')
    return this.#answer<Finish>('peakBytes', this.#patience.turn)
  }

  /** Idempotent. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #answer<T>(field: keyof T & string, seconds: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000)
    })
    try {
      const { value, done } = await Promise.race([this.#lines.next(), silence])
      if (done) throw new Error(await this.#lastWords())
      return parseAnswer<T>(value, field)
    } finally {
      clearTimeout(timer)
    }
  }

  /** stdout has ended; the end of stderr says why, where there is one. */
  async #lastWords(): Promise<string> {
    await Promise.race([this.#closed, new Promise((resolve) => setTimeout(resolve, 5000).unref())])
    const last = this.#complaints.trim().split('\n').at(-1)!.trim()
    const { exitCode, signalCode } = this.#child
    return last === '' ? `it ended with ${signalCode ?? `exit code ${exitCode}`}` : last.slice(0, 300)
  }
}

function parseAnswer<T>(line: string, field: keyof T & string): T {
  let answer: unknown
  try {
    answer = JSON.parse(line)
  } catch {
    throw new Error(`it answered '${line.slice(0, 100)}', which is no JSON`)
  }
  if (typeof answer !== 'object' || answer === null || !(field in answer))
    throw new Error(`it answered ${line.slice(0, 100)}, which has no '${field}'`)
  return answer as T
}
