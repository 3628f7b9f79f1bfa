/**
 * Every error a user can meet. Each has a stable `code` to branch on and a text in three parts:
 * what happened, the values involved, what to do about it.
 */
export class PatchTrainError extends Error {
  /** Stable identifier, `ERR_…`; the text may change between releases, the code does not. */
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** A configuration, flag or argument is wrong. Nothing was started and nothing was written. */
export class ConfigError extends PatchTrainError {
  /** Where in the configuration, `schedule.patchSize` say; empty when the error concerns the whole. */
  readonly path: string

  constructor(message: string, options?: { path?: string; cause?: unknown }) {
    super('ERR_CONFIG', message, options)
    this.path = options?.path ?? ''
  }
}

/** An input file (text, jsonl, zst, token shard, tokenizer) is missing, unreadable or malformed. */
export class DataError extends PatchTrainError {
  readonly file: string

  constructor(message: string, options?: { file?: string; cause?: unknown }) {
    super('ERR_DATA', message, options)
    this.file = options?.file ?? ''
  }
}

/** A checkpoint or model folder is missing, incomplete, corrupt, or belongs to something else. */
export class CheckpointError extends PatchTrainError {
  constructor(
    code: 'ERR_CHECKPOINT_CORRUPT' | 'ERR_CHECKPOINT_MISMATCH' | 'ERR_CHECKPOINT_MISSING',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(code, message, options)
  }
}

/** Saving failed (disk full, read-only folder …). What was saved before is untouched. */
export class SaveError extends PatchTrainError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_SAVE', message, options)
  }
}

/** A step looked bad, and the run stopped for it (config.health). Its update was not applied. */
export abstract class HealthError extends PatchTrainError {
  readonly step: number

  constructor(code: 'ERR_NON_FINITE' | 'ERR_SPIKE', message: string, step: number) {
    super(code, message)
    this.step = step
  }
}

/** The loss or a gradient is not finite. */
export class NonFiniteError extends HealthError {
  constructor(message: string, step: number) {
    super('ERR_NON_FINITE', message, step)
  }
}

/** The loss or the gradient norm is far above its recent mean. */
export class SpikeError extends HealthError {
  constructor(message: string, step: number) {
    super('ERR_SPIKE', message, step)
  }
}

/** A native call was refused: wrong types, shapes, values, or a kernel met data out of range. */
export class NativeError extends PatchTrainError {}

/** The object was used after `dispose()`. */
export class DisposedError extends PatchTrainError {
  constructor(what: string) {
    super('ERR_DISPOSED', `${what} was disposed. Create a new one.`)
  }
}

/** The native addon could not be loaded; the text lists every attempt and what to run. */
export class AddonLoadError extends PatchTrainError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_NO_BINARY', message, options)
  }
}

/** The chosen device cannot be used on this host. */
export class DeviceError extends PatchTrainError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_DEVICE', message, options)
  }
}

/** A run does not fit into the memory of its device; the text holds the memory table and what would fit. */
export class DeviceMemoryError extends PatchTrainError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_OUT_OF_MEMORY', message, options)
  }
}

/** The closest of `candidates` to a mistyped `word`, when one is close enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
