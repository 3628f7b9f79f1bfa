/** How a file that is not what parquet allows is reported, from wherever in it that is noticed. */
import { DataError } from '../../../errors.js'

/** Something in the file contradicts the format or what this reader takes. Becomes a `DataError` with the file. */
export class Damage extends Error {}

export function damaged(what: string): never {
  throw new Damage(what)
}

/** Runs a function of hyparquet: whatever it throws on input it cannot read is damage. */
export function guarded<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof Damage || error instanceof DataError) throw error
    throw new Damage(`${what}: ${(error as Error).message}`, { cause: error })
  }
}

/** `error` as it leaves the reader of `file`. */
export function withFile(file: string, error: unknown): unknown {
  if (!(error instanceof Damage)) return error
  return new DataError(
    `${file} cannot be read as parquet: ${error.message}. Fetch or write the file again; ` +
      '`pyarrow.parquet.read_table` tells whether others can read it.',
    { file, cause: error },
  )
}
