import { open, readFile, type FileHandle } from 'node:fs/promises'
import { DataError, SaveError } from '../errors.js'
import type { PreparedExample, PreparedTask } from './prepare.js'

/** Under which a log was begun; log-likelihoods of anything else do not belong into it. */
export interface LogIdentity {
  /** SHA-256 of the model, see `modelFingerprint`. */
  readonly model: string
  /** T: positions read at a time. */
  readonly context: number
  readonly bos: boolean
}

const format = 'patchtrain samples 1'

interface Sample {
  readonly task: string
  readonly version: number
  readonly shots: number
  readonly index: number
  readonly hash: string
  /** null stands for −∞, which JSON cannot write. */
  readonly logLikelihoods: readonly (number | null)[]
}

/**
 * A file with a line for every example that was scored, written as soon as it was: what it holds is not scored again. Its
 * first line says for which model. A line that a crash has cut short is dropped.
 */
export class SampleLog {
  readonly #file: string
  readonly #handle: FileHandle
  readonly #known: ReadonlyMap<string, Sample>

  private constructor(file: string, handle: FileHandle, known: ReadonlyMap<string, Sample>) {
    this.#file = file
    this.#handle = handle
    this.#known = known
  }

  /**
   * Opens a log to go on with it, or begins one.
   * @throws {DataError} for a file that is no such log, is damaged, or belongs to another model or context
   * @throws {SaveError} when it cannot be written
   */
  static async open(file: string, identity: LogIdentity): Promise<SampleLog> {
    const text = await readExisting(file)
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const known = whole === '' ? new Map<string, Sample>() : parse(file, whole, identity)
    if (whole === '' && text !== '' && !`{"format":"${format}"`.startsWith(text.slice(0, 12)))
      throw notALog(file)
    return saving(file, async () => {
      const handle = await open(file, 'a')
      await handle.truncate(Buffer.byteLength(whole))
      const log = new SampleLog(file, handle, known)
      if (whole === '') await log.#append([{ format, ...identity }])
      return log
    })
  }

  /**
   * The log-likelihoods of an example, if the log holds them.
   * @throws {DataError} when it holds those of another version of the task, or of other data
   */
  find({ task, shots }: PreparedTask, example: PreparedExample): readonly number[] | undefined {
    const sample = this.#known.get(key(task.name, shots, example.index))
    if (!sample) return undefined
    if (sample.version !== task.version)
      throw this.#refuse(`${task.name} in version ${sample.version}; this is version ${task.version}`)
    if (sample.hash !== example.hash || sample.logLikelihoods.length !== example.sequences.length)
      throw this.#refuse(`another example ${example.index + 1} of ${task.name} than the data`)
    return sample.logLikelihoods.map((value) => value ?? -Infinity)
  }

  /** Appends examples, each with a line of its own, and waits until the operating system has them. */
  async append(prepared: PreparedTask, scored: ReadonlyMap<number, readonly number[]>): Promise<void> {
    const { task, shots, examples } = prepared
    const lines = [...scored].map(([i, logLikelihoods]) => {
      const { index, part, hash } = examples[i]!
      return {
        ...{ task: task.name, version: task.version, shots, index },
        ...(part !== undefined && { part }),
        ...prepared.describe(i, logLikelihoods),
        logLikelihoods: logLikelihoods.map((value) => (value === -Infinity ? null : value)),
        hash,
      }
    })
    await this.#append(lines)
  }

  /** Waits until the disk has everything. */
  async close(): Promise<void> {
    await saving(this.#file, async () => {
      try {
        await this.#handle.sync()
      } finally {
        await this.#handle.close()
      }
    })
  }

  #append(lines: readonly object[]): Promise<void> {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    return saving(this.#file, () => this.#handle.appendFile(text))
  }

  #refuse(what: string): DataError {
    return new DataError(
      `${this.#file} holds ${what}. Give another file for the samples, or remove this one.`,
      {
        file: this.#file,
      },
    )
  }
}

function parse(file: string, text: string, identity: LogIdentity): Map<string, Sample> {
  const [head, ...lines] = text.trimEnd().split('\n')
  checkHead(file, head!, identity)
  const known = new Map<string, Sample>()
  for (const [i, line] of lines.entries()) {
    const sample = parseSample(line)
    if (!sample)
      throw new DataError(
        `${file}: line ${i + 2} is no sample: the log is damaged. Remove it, or cut it there.`,
        {
          file,
        },
      )
    known.set(key(sample.task, sample.shots, sample.index), sample)
  }
  return known
}

function checkHead(file: string, line: string, identity: LogIdentity): void {
  const head = parseObject(line)
  if (head?.['format'] !== format) throw notALog(file)
  const wrong = (Object.keys(identity) as (keyof LogIdentity)[]).find((name) => head[name] !== identity[name])
  if (!wrong) return
  const what = wrong === 'model' ? 'another model' : `${wrong} ${String(head[wrong])}, not ${identity[wrong]}`
  throw new DataError(
    `${file} holds samples of ${what}. Give another file for the samples, or remove this one.`,
    {
      file,
    },
  )
}

function parseSample(line: string): Sample | undefined {
  const sample = parseObject(line) as Partial<Sample> | undefined
  const whole = (value: unknown) => Number.isSafeInteger(value)
  const valid =
    sample &&
    typeof sample.task === 'string' &&
    typeof sample.hash === 'string' &&
    [sample.version, sample.shots, sample.index].every(whole) &&
    Array.isArray(sample.logLikelihoods) &&
    sample.logLikelihoods.every((value) => value === null || typeof value === 'number')
  return valid ? (sample as Sample) : undefined
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function key(task: string, shots: number, index: number): string {
  return `${task} ${shots} ${index}`
}

function notALog(file: string): DataError {
  return new DataError(`${file} is no log of samples. It is left as it is; give another file.`, { file })
}

async function readExisting(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new DataError(`${file} cannot be read: ${(cause as Error).message}.`, { file, cause })
  }
}

async function saving<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new SaveError(
      `Samples cannot be written to ${file}: ${(cause as Error).message}. Free space, or name another file.`,
      {
        cause,
      },
    )
  }
}
