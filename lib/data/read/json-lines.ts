/** JSON lines: one object a line, the text in one of its fields. Blank lines are passed over. */
import { DataError, nearest } from '../../errors.js'
import type { Document } from './document.js'
import { byteOrderMark, decodeUtf8 } from './utf8.js'

const LINE_FEED = 0x0a
/** A string cannot be longer than about 512 MiB in V8; a line this long is a file without line ends. */
const MAX_LINE = 256 * 1024 * 1024

export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  textField: string,
): AsyncGenerator<Document, void, void> {
  for await (const { bytes, offset, line } of splitLines(chunks, file)) {
    const json = decodeUtf8(bytes, file, offset, line)
    if (json.trim() === '') continue
    yield { text: textOf(json, textField, file, line), source: { file, line }, continued: false }
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

function textOf(json: string, field: string, file: string, line: number): string {
  let value: unknown
  try {
    value = JSON.parse(json)
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
    throw new DataError(
      `${file}: line ${line} holds ${found}, not a JSON object with the field "${field}".`,
      { file },
    )
  }
  const text: unknown = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined
  if (typeof text === 'string') return text
  if (text !== undefined) {
    const found = text === null ? 'null' : Array.isArray(text) ? 'an array' : `a ${typeof text}`
    throw new DataError(`${file}: the field "${field}" of line ${line} is ${found}, not a string.`, { file })
  }
  const names = Object.keys(value)
  const similar = nearest(field, names)
  throw new DataError(
    `${file}: line ${line} has no field "${field}"; it has ${names.map((name) => `"${name}"`).join(', ') || 'none'}.` +
      (similar === undefined ? ' Name the field that holds the text.' : ` Did you mean "${similar}"?`),
    { file },
  )
}
