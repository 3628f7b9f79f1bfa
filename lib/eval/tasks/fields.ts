import { DataError } from '../../errors.js'
import type { Row } from '../../data/read/rows.js'

/** Typed access to the fields of a row; what does not fit is a `DataError` that names file, line and field. */

export function text(row: Row, ...path: string[]): string {
  const value = field(row, path)
  return typeof value === 'string' ? value : refuse(row, path, value, 'a text')
}

/** A list of `count` texts (or of two and more). */
export function texts(row: Row, path: readonly string[], count?: number): readonly string[] {
  const value = field(row, path)
  if (!Array.isArray(value)) return refuse(row, path, value, 'a list of texts')
  const wrong = value.findIndex((item) => typeof item !== 'string')
  if (wrong >= 0) return refuse(row, [...path, String(wrong)], value[wrong], 'a text')
  if (count === undefined ? value.length < 2 : value.length !== count)
    return fail(row, path, `has ${value.length} entries, not ${count ?? '2 or more'}`)
  return value as string[]
}

/** A whole number from 0 to `choices` − 1, or its digits as text, as some editions of the data have it. */
export function choice(row: Row, name: string, choices: number): number {
  const value = field(row, [name])
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof number === 'bigint') return choice({ ...row, fields: { [name]: Number(number) } }, name, choices)
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < choices) return number
  return refuse(row, [name], value, `a whole number from 0 to ${choices - 1}`)
}

/** Says of a field what is wrong with it. */
export function fail(row: Row, path: readonly string[], what: string): never {
  throw new DataError(`${row.file}: the field "${path.join('.')}" of ${row.place} ${what}.`, {
    file: row.file,
  })
}

export function has(row: Row, name: string): boolean {
  return Object.hasOwn(row.fields, name)
}

function field(row: Row, path: readonly string[]): unknown {
  let value: unknown = row.fields
  for (const [depth, name] of path.entries()) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
      const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
      const found = names.map((other) => `"${other}"`).join(', ') || 'nothing of the kind'
      throw new DataError(
        `${row.file}: ${row.place} has no field "${path.slice(0, depth + 1).join('.')}"; there is ${found}. ` +
          'Give the data in the form it was published in.',
        { file: row.file },
      )
    }
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function refuse(row: Row, path: readonly string[], value: unknown, needed: string): never {
  const found =
    value === null
      ? 'null'
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'string' || typeof value === 'number'
          ? JSON.stringify(value.toString().slice(0, 40))
          : `a ${typeof value}`
  return fail(row, path, `is ${found}, not ${needed}`)
}
