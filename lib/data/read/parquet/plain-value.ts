/** Values of parquet columns as JSON has them, so that the same rows are the same whatever file they come from. */

/**
 * Null for what is missing, numbers for integers of up to 53 bits (larger ones stay bigint), ISO 8601 for
 * dates, arrays and objects for lists and structs. Bytes that are not text stay a `Uint8Array`.
 */
export function plainValue(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(plainValue)
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plainValue(part)]))
}
