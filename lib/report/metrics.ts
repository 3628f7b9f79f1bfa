import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DataError, SaveError } from '../errors.js'
import type { StartEvent, TrainEvent } from '../events.js'

/** What a line of `metrics.jsonl` holds: an event, the start without the configuration, which has its own file. */
export type MetricsLine = Exclude<TrainEvent, StartEvent> | Omit<StartEvent, 'config'>

export interface MetricsWriter {
  write(event: TrainEvent): void
  close(): void
}

/**
 * Opens `metrics.jsonl` to append to it. A run that is resumed at `fromStep` does the later steps again, so their
 * lines are dropped first (and with them a line that a crash cut short): the file always tells one continuous run.
 *
 * @param fromStep steps done before; -1 begins the file anew
 */
export function openMetrics(path: string, fromStep: number): MetricsWriter {
  return saving(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    if (existsSync(path)) dropAfter(path, fromStep)
    const file = openSync(path, 'a')
    let open = true
    return {
      write(event) {
        if (open) saving(path, () => writeSync(file, `${JSON.stringify(lineOf(event))}\n`))
      },
      close() {
        if (!open) return
        open = false
        saving(path, () => {
          fsyncSync(file)
          closeSync(file)
        })
      },
    }
  })
}

/**
 * The events of a run in order. A last line without its end is a crash's and is left out.
 *
 * @throws DataError when the file is missing or another line is not JSON
 */
export function readMetrics(path: string): MetricsLine[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new DataError(`Cannot read the metrics ${path}: ${(cause as Error).message}. Has the run begun?`, {
      file: path,
      cause,
    })
  }
  return completeLines(text).map((line, index) => {
    try {
      return JSON.parse(line) as MetricsLine
    } catch (cause) {
      throw new DataError(`${path}, line ${index + 1} is not JSON. Remove the line, or the file.`, {
        file: path,
        cause,
      })
    }
  })
}

/** The latest event of a type. */
export function lastEvent<T extends MetricsLine['type']>(
  events: readonly MetricsLine[],
  type: T,
): Extract<MetricsLine, { type: T }> | undefined {
  return events.filter((event): event is Extract<MetricsLine, { type: T }> => event.type === type).at(-1)
}

function dropAfter(path: string, fromStep: number): void {
  const kept = readMetrics(path).filter((line) => line.step <= fromStep)
  const partial = `${path}.partial`
  writeFileSync(partial, kept.map((line) => `${JSON.stringify(line)}\n`).join(''))
  renameSync(partial, path)
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
    throw new SaveError(
      `Cannot write the metrics ${path}: ${(cause as Error).message}. Free some space or change 'out'.`,
      { cause },
    )
  }
}
