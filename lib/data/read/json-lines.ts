/** JSON lines: one object a line, the text in one of its fields. Blank lines are passed over. */
import { parseBoundedJson } from '../../bounded-json.js'
import { DataError, nearest } from '../../errors.js'
import type { Document } from './document.js'
import { byteOrderMark, decodeUtf8 } from './utf8.js'

const LINE_FEED = 0x0a
/** A string cannot be longer than about 512 MiB in V8; a line this long is a file without line ends. */
const MAX_LINE = 256 * 1024 * 1024
/** What a line may hold besides its text. A shorter one than that needs no look at it. */
const BOUNDS = { values: 2 ** 20, depth: 2 ** 20 }
const MAX_NAMES = 10

export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  textField: string,
): AsyncGenerator<Document, void, void> {
  for await (const { value, line } of readJsonObjects(chunks, file, `with the field "${textField}"`)) {
    yield { text: textOf(value, textField, file, line), source: { file, line }, continued: false }
  }
}

/** The object of each line, with the line's number from 1. `wanted` says in errors what it should have been. */
export async function* readJsonObjects(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  wanted: string,
): AsyncGenerator<{ value: Record<string, unknown>; line: number }, void, void> {
  for await (const { bytes, offset, line } of splitLines(chunks, file)) {
    const json = decodeUtf8(bytes, file, offset, `line ${line}`)
    if (json.trim() !== '') yield { value: parseObject(json, file, line, wanted), line }
  }
}

interface Line {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly line: number
}

async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Line, void, void> {
  let held: Uint8Array[] = []
  let size = 0
  let offset = 0
  let line = 1
  for await (const chunk of chunks) {
    let from = offset === 0 && size === 0 ? byteOrderMark(chunk) : 0
    offset += from
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, from)
      const part = chunk.subarray(from, end < 0 ? chunk.length : end)
      size += part.length
      if (size > MAX_LINE) {
        throw new DataError(
          `${file}: line ${line} is longer than ${MAX_LINE} bytes. JSON lines has one document a line; ` +
            'split the file, or give the document as a .txt file.',
          { file },
        )
      }
      held.push(part)
      if (end < 0) break
      yield { bytes: held.length === 1 ? part : Buffer.concat(held, size), offset, line }
      offset += size + 1
      line++
      held = []
      size = 0
      from = end + 1
    }
  }
  if (size > 0) yield { bytes: Buffer.concat(held, size), offset, line }
}

function parseObject(json: string, file: string, line: number, wanted: string): Record<string, unknown> {
  let value: unknown
  try {
    value = json.length <= BOUNDS.values ? JSON.parse(json) : parseBoundedJson(json, BOUNDS)
  } catch (error) {
    const array = line === 1 && json.trimStart().startsWith('[')
    throw new DataError(
      `${file}: line ${line} is not JSON (${(error as Error).message}). ` +
        (array
          ? 'The file looks like one JSON array; write its elements one a line.'
          : 'Each line must be one JSON object.'),
      { file, cause: error },
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
    throw new DataError(`${file}: line ${line} holds ${found}, not a JSON object ${wanted}.`, { file })
  }
  return value as Record<string, unknown>
}

function textOf(value: Record<string, unknown>, field: string, file: string, line: number): string {
  const text = fieldOf(value, field, file, line)
  if (typeof text === 'string') return text
  const found = text === null ? 'null' : Array.isArray(text) ? 'an array' : `a ${typeof text}`
  throw new DataError(`${file}: the field "${field}" of line ${line} is ${found}, not a string.`, { file })
}

/** The field of a line's object, or a `DataError` that lists those there are. */
export function fieldOf(value: Record<string, unknown>, field: string, file: string, line: number): unknown {
  if (Object.hasOwn(value, field)) return value[field]
  const names = Object.keys(value)
  const similar = nearest(field, names)
  throw new DataError(
    `${file}: line ${line} has no field "${field}"; it has ${listNames(names)}.` +
      (similar === undefined ? ' Name the field that holds the text.' : ` Did you mean "${similar}"?`),
    { file },
  )
}

/** A line may have any number of names of any length. */
export function listNames(names: readonly string[]): string {
  const some = names
    .slice(0, MAX_NAMES)
    .map((name) => (name.length > 60 ? `"${name.slice(0, 60)}…"` : `"${name}"`))
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
  return some.length === 0 ? 'none' : some.join(', ') + more
}
