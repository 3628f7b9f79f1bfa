import { appendFileSync } from 'node:fs'

/** One line of gpu-check.jsonl: a measurement or a verdict. */
export interface Line {
  /** Unique within the step; benchmarks and peers share names, so that they can be compared. */
  readonly name: string
  readonly ok: boolean
  readonly ms?: number
  readonly [figure: string]: number | string | boolean | undefined
}

/** Where a step writes: a file that grows line by line, so that what was measured before a crash or timeout is kept. */
export class Lines {
  #failures = 0
  readonly #file: string
  readonly #fixed: { readonly step: string; readonly device: string }

  constructor(file: string, fixed: { readonly step: string; readonly device: string }) {
    this.#file = file
    this.#fixed = fixed
  }

  add(line: Line): void {
    if (!line.ok) this.#failures++
    const { step, device } = this.#fixed
    const { name, ok, ms, ...figures } = line
    const all = { step, name, ok, ...(ms !== undefined && { ms: digits(ms) }), ...round(figures) }
    const text = JSON.stringify({ ...all, device, date: new Date().toISOString() })
    appendFileSync(this.#file, `${text}\n`)
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}  ${sayFigures(all)}`)
  }

  failed(name: string, error: string): void {
    this.add({ name, ok: false, error: error.slice(0, 2000) })
  }

  /** Not judged, and why: out of time, or the host lacks something. */
  skipped(name: string, reason: string): void {
    this.add({ name, ok: true, skipped: reason })
  }

  /** Does `work`; what it throws is a failure of `name` and of nothing else. */
  async guard(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.failed(name, error instanceof Error ? error.message : String(error))
    }
  }

  get allOk(): boolean {
    return this.#failures === 0
  }
}

/** Six digits are more than any measurement has. */
const digits = (x: number) => Number(x.toPrecision(6))

function round(figures: Record<string, Line[string]>): Record<string, Line[string]> {
  return Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [key, typeof value === 'number' ? digits(value) : value]),
  )
}

function sayFigures({ step: _step, name: _name, ok: _ok, ...figures }: Record<string, Line[string]>): string {
  return Object.entries(figures)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
}
