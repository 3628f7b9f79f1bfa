import { NativeError, PatchTrainError } from '../errors.js'

/** Runs a native call; what it throws leaves as a PatchTrainError with the same code. */
export function translate<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw toPatchTrainError(error)
  }
}

export async function translateAsync<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    throw toPatchTrainError(error)
  }
}

function toPatchTrainError(error: unknown): unknown {
  if (error instanceof PatchTrainError || !(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? new NativeError(code, error.message, { cause: error }) : error
}
