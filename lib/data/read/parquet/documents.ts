/** A column of strings as documents, one a row. The file is read page by page: row groups may have any size. */
import { DataError } from '../../../errors.js'
import type { Document } from '../document.js'
import { decodeUtf8 } from '../utf8.js'
import { findTextColumn } from './column.js'
import type { Leaf } from './column.js'
import { damaged, withFile } from './damage.js'
import { chunkOf, readFooter } from './footer.js'
import type { Chunk, RowGroup } from './footer.js'
import { readPages } from './pages.js'
import type { Page } from './pages.js'
import { pacer } from './pace.js'
import { progressOf } from './progress.js'
import { StoredFile } from './stored-file.js'

export interface ParquetOptions {
  /** Told of every piece that is read or passed over, in bytes as stored: the sum is the file's size. */
  readonly onRead?: (bytes: number) => void
  readonly signal?: AbortSignal
}

/** The strings of `column` in order. A null is refused, as it is in JSON lines. */
export async function* readParquetDocuments(
  path: string,
  column: string,
  { onRead, signal }: ParquetOptions = {},
): AsyncGenerator<Document, void, void> {
  const file = await StoredFile.open(path)
  try {
    const footer = await readFooter(file)
    const leaf = findTextColumn(footer.schema, column, path)
    const progress = progressOf(file.size, footer, onRead)
    const options = { convert: same, pace: pacer(signal), onRead: progress.read }
    let row = 0
    for (const group of footer.groups) {
      for await (const page of readPages(file, flatChunk(group, leaf), leaf, options)) {
        for (const bytes of valuesOf(page, leaf)) {
          row++
          if (bytes === null) refuseNull(path, column, row)
          const text = decodeUtf8(bytes, path, 0, `the string in column "${column}", row ${row}`)
          yield { text, source: { file: path, row }, continued: false }
          await options.pace()
        }
      }
      progress.groupDone()
    }
    progress.fileDone()
  } catch (error) {
    throw withFile(path, error)
  } finally {
    await file.close()
  }
}

const same = <T>(values: T): T => values

function flatChunk(group: RowGroup, leaf: Leaf): Chunk {
  const chunk = chunkOf(group, leaf.path)
  if (chunk.entries !== group.rows) {
    damaged(`column ${leaf.name} states ${chunk.entries} values in a row group of ${group.rows} rows`)
  }
  return chunk
}

/** One value a row. */
function* valuesOf(
  { values, definition, entries }: Page,
  leaf: Leaf,
): Generator<Uint8Array | null, void, void> {
  for (let i = 0, next = 0; i < entries; i++) {
    const there = definition === undefined || definition[i] === leaf.maxDefinition
    yield there ? (values[next++] as Uint8Array) : null
  }
}

function refuseNull(file: string, column: string, row: number): never {
  throw new DataError(
    `${file}: the column "${column}" is null in row ${row}, not a string. Leave out rows without text when writing it.`,
    { file },
  )
}
