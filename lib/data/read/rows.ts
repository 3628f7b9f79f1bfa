/** The rows of a file as plain objects, whatever its format: data of evaluation tasks. */
import { DataError } from '../../errors.js'
import { readBytes } from './bytes.js'
import { formatOf } from './documents.js'
import { fieldOf, readJsonObjects } from './json-lines.js'
import { readParquetRows } from './parquet/rows.js'

export interface RowOptions {
  /** The fields that are wanted, top-level ones; each row must have them. Default: all there are. */
  readonly columns?: readonly string[]
  readonly signal?: AbortSignal
}

export interface Row {
  readonly fields: Readonly<Record<string, unknown>>
  readonly file: string
  /** Where in the file, from 1, as errors name it: `line 7` of JSON lines, `row 7` of parquet. */
  readonly place: string
}

/**
 * The rows of `file` (.jsonl, .ndjson, .json, each also with .zst; .parquet) in order. The same rows give the
 * same fields from either: integers up to 53 bits are numbers, lists arrays, structs objects. Rows are read
 * as they are asked for. Malformed files and missing fields are `DataError`s that name file and place.
 */
export async function* readRows(file: string, options: RowOptions = {}): AsyncGenerator<Row, void, void> {
  const format = formatOf(file)
  if (format === 'text') {
    throw new DataError(`${file} is plain text; rows are read from JSON lines and parquet files.`, { file })
  }
  for await (const row of format === 'parquet' ? parquetRows(file, options) : jsonRows(file, options)) {
    options.signal?.throwIfAborted()
    yield row
  }
}

async function* jsonRows(file: string, { columns }: RowOptions): AsyncGenerator<Row, void, void> {
  for await (const { value, line } of readJsonObjects(readBytes(file), file, 'with named fields')) {
    const fields = columns
      ? Object.fromEntries(columns.map((name) => [name, fieldOf(value, name, file, line)]))
      : value
    yield { fields, file, place: `line ${line}` }
  }
}

async function* parquetRows(
  file: string,
  { columns, ...options }: RowOptions,
): AsyncGenerator<Row, void, void> {
  let row = 0
  for await (const fields of readParquetRows(file, columns, options)) {
    yield { fields, file, place: `row ${++row}` }
  }
}
