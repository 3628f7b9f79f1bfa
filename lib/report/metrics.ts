import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DataError, SaveError } from '../errors.js'
import type { StartEvent, TrainEvent } from '../events.js'

/** What a line of `metrics.jsonl` holds: an event, the start without the configuration, which has its own file. */
export type MetricsLine = Exclude<TrainEvent, StartEvent> | Omit<StartEvent, 'config'>

export interface MetricsWriter {
  /** What the file held already, as far as it still counts. */
  readonly lines: readonly MetricsLine[]
  /**
   * A line that cannot be written (a full disk, say) is kept, and tried again with the next.
   * @returns the error, when this is the first line that could not be written
   */
  write(event: TrainEvent): SaveError | undefined
  /** @throws {SaveError} when lines are left that cannot be written */
  close(): void
}

/** What a run that is resumed has behind it; lines of anything later are of steps that it does again. */
export interface MetricsPosition {
  /** Steps done; -1 begins the file anew. */
  readonly step: number
  readonly incidents: number
}

/**
 * Opens `metrics.jsonl` to append to it. A run that is resumed does the later steps again, so their lines are dropped first
 * (and with them what a crash has left half-written): the file always tells one continuous run. After a rollback the steps
 * that no longer count go, too; what tells of the incident stays.
 */
export function openMetrics(path: string, position: MetricsPosition): MetricsWriter {
  return saving(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    const lines = existsSync(path) ? keepUpTo(path, position) : []
    let file = new AppendedFile(path)
    return {
      lines,
      write(event) {
        const wasBehind = file.isBehind
        file.append(`${JSON.stringify(lineOf(event))}\n`)
        try {
          file.flush()
          if (event.type === 'health' && event.rolledBackTo !== undefined) {
            file.close()
            keepUpTo(path, { step: event.rolledBackTo, incidents: event.incident })
            file = new AppendedFile(path)
          }
        } catch (cause) {
          return wasBehind ? undefined : cannotWrite(path, cause)
        }
        return undefined
      },
      close: () => saving(path, () => file.close()),
    }
  })
}

/** A file that is appended to; what it does not take is kept for the next time. */
class AppendedFile {
  readonly #file: number
  #rest = Buffer.alloc(0)
  #open = true

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  get isBehind(): boolean {
    return this.#rest.length > 0
  }

  append(text: string): void {
    this.#rest = Buffer.concat([this.#rest, Buffer.from(text)])
  }

  /** A disk that is nearly full may take part of it. */
  flush(): void {
    while (this.#open && this.isBehind) this.#rest = this.#rest.subarray(writeSync(this.#file, this.#rest))
  }

  close(): void {
    if (!this.#open) return
    try {
      this.flush()
      fsyncSync(this.#file)
    } finally {
      this.#open = false
      closeSync(this.#file)
    }
  }
}

/**
 * The events of a run in order. A last line without its end is a crash's and is left out.
 *
 * @throws DataError when the file is missing or another line is not JSON
 */
export function readMetrics(path: string): MetricsLine[] {
  let text: string
  try {
    text = readText(path)
  } catch (cause) {
    throw new DataError(`Cannot read the metrics ${path}: ${(cause as Error).message}. Has the run begun?`, {
      file: path,
      cause,
    })
  }
  return completeLines(text).map((text, index) => {
    const line = parseLine(text)
    if (line) return line
    throw new DataError(`${path}, line ${index + 1} is no line of metrics. Remove the line, or the file.`, {
      file: path,
    })
  })
}

/** Steps from 1 to `upTo` of which the file does not tell, because somebody or something has damaged it. */
export function missingSteps(path: string, upTo: number): number[] {
  const told = new Set<number>()
  if (existsSync(path))
    for (const text of completeLines(readText(path))) {
      const line = parseLine(text)
      if (line?.type === 'step') told.add(line.step)
    }
  return Array.from({ length: upTo }, (_, i) => i + 1).filter((step) => !told.has(step))
}

const notRegular = 'it is not a regular file'

/** A pipe or a device in its place could make us read for ever. */
function readText(path: string): string {
  if (!statSync(path).isFile()) throw new Error(notRegular)
  return readFileSync(path, 'utf8')
}

/** The last whole line; undefined when it is none of ours. */
export function lastLine(path: string): MetricsLine | undefined {
  const line = completeLines(readText(path)).at(-1)
  return line === undefined ? undefined : parseLine(line)
}

function parseLine(text: string): MetricsLine | undefined {
  try {
    const line = JSON.parse(text) as Partial<MetricsLine> | null
    return typeof line?.type === 'string' && typeof line.step === 'number' ? (line as MetricsLine) : undefined
  } catch {
    return undefined
  }
}

/** The latest event of a type. */
export function lastEvent<T extends MetricsLine['type']>(
  events: readonly MetricsLine[],
  type: T,
): Extract<MetricsLine, { type: T }> | undefined {
  return events.filter((event): event is Extract<MetricsLine, { type: T }> => event.type === type).at(-1)
}

/** Rewrites the file without what comes after `position`, and without lines that a crash or a bad disk has spoiled. */
function keepUpTo(path: string, { step, incidents }: MetricsPosition): MetricsLine[] {
  const kept = completeLines(readText(path))
    .map(parseLine)
    .filter((line) => line !== undefined)
    .filter((line) => {
      if (line.type === 'save-failed') return step >= 0 // it happened, whatever is done again
      return line.type === 'health' ? line.incident <= incidents : line.step <= step
    })
  const partial = `${path}.partial`
  writeFileSync(partial, kept.map((line) => `${JSON.stringify(line)}\n`).join(''))
  renameSync(partial, path)
  return kept
}

function completeLines(text: string): string[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
}

function lineOf(event: TrainEvent): MetricsLine {
  if (event.type !== 'start') return event
  const { config: _, ...line } = event
  return line
}

function saving<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    throw cannotWrite(path, cause)
  }
}

function cannotWrite(path: string, cause: unknown): SaveError {
  const { message, code } = cause as NodeJS.ErrnoException
  const isOther = code === 'EISDIR' || message === notRegular
  const remedy = isOther ? 'Move it away.' : "Free some space or change 'out'."
  return new SaveError(`Cannot write the metrics ${path}: ${message}. ${remedy}`, { cause })
}
