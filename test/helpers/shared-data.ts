import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'

/** Corpora and vocabularies too large for the repository; tests that need them skip visibly without them. */
const folder =
  process.env['PATCHTRAIN_TEST_DATA'] ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))

/** Path of a file of the shared test data, or undefined where it is absent. */
export function sharedData(relativePath: string): string | undefined {
  const path = join(folder, relativePath)
  return existsSync(path) ? path : undefined
}
