/** The end of a parquet file: what columns it has, and where the pages of each lie. */
import { parquetMetadata, parquetSchema } from 'hyparquet'
import type {
  ColumnChunk,
  CompressionCodec,
  FileMetaData,
  SchemaElement,
  SchemaTree,
} from 'hyparquet/src/types.js'
import { CODECS } from './codec.js'
import { damaged, guarded } from './damage.js'
import type { StoredFile } from './stored-file.js'
import { structEnd } from './thrift-check.js'

const MAGIC = 0x31524150 // 'PAR1'
const ENCRYPTED = 0x45524150 // 'PARE'
/** hyparquet parses a footer in one go. */
const MAX_FOOTER = 16 * 2 ** 20
const MAX_DEPTH = 32

export interface Footer {
  readonly schema: SchemaTree
  readonly rows: number
  readonly groups: readonly RowGroup[]
}

export interface RowGroup {
  readonly rows: number
  readonly chunks: readonly Chunk[]
}

/** The pages of one leaf column in one row group. */
export interface Chunk {
  /** Names from the top-level column down to the leaf. */
  readonly path: readonly string[]
  readonly codec: CompressionCodec
  /** First byte, and the byte behind the last. */
  readonly start: number
  readonly end: number
  /** Entries of its pages: one a row, or for lists one an element, an empty list counted as one. */
  readonly entries: number
}

export async function readFooter(file: StoredFile): Promise<Footer> {
  if (file.size < 12) damaged(`it has ${file.size} bytes, fewer than any parquet file`)
  const tail = new DataView((await file.read(file.size - 8, 8)).buffer)
  const magic = tail.getUint32(4, true)
  if (magic === ENCRYPTED) damaged('it is encrypted, which is not supported')
  if (magic !== MAGIC) damaged('it does not end with PAR1: it is cut off, or no parquet file')
  const length = tail.getUint32(0, true)
  if (length > file.size - 12) damaged(`it states metadata of ${length} bytes, but has only ${file.size}`)
  if (length > MAX_FOOTER)
    damaged(`its metadata takes ${length} bytes, more than the ${MAX_FOOTER} that are read`)

  const end = file.size - 8 - length
  const bytes = await file.read(end, length + 8)
  if ((structEnd(bytes) ?? Infinity) > length) damaged('its metadata ends before it is complete')
  const metadata = guarded('its metadata is damaged', () => parquetMetadata(bytes, { geoparquet: false }))
  return checked(metadata, end)
}

function checked(metadata: FileMetaData, end: number): Footer {
  checkTree(metadata.schema)
  const schema = guarded('its schema is damaged', () => parquetSchema(metadata))
  const groups = metadata.row_groups.map(({ num_rows, columns }) => ({
    rows: count(num_rows, 'rows of a row group'),
    chunks: columns.map((column) => located(column, end)),
  }))
  const rows = count(metadata.num_rows, 'rows')
  const sum = groups.reduce((total, group) => total + group.rows, 0)
  if (sum !== rows) damaged(`it states ${rows} rows, its row groups have ${sum}`)
  return { schema, rows, groups }
}

/** The elements must form one tree, in the order of a walk; hyparquet takes their word for it. */
export function checkTree(elements: readonly SchemaElement[]): void {
  const open: number[] = [1]
  for (const { name, num_children: children = 0 } of elements) {
    if (typeof name !== 'string') damaged('its schema has a column without a name')
    while (open.at(-1) === 0) open.pop()
    if (open.length === 0) damaged('its schema has columns outside of its root')
    open[open.length - 1]! -= 1
    if (!Number.isInteger(children) || children < 0) damaged(`the column ${name} has ${children} children`)
    open.push(children)
    if (open.length > MAX_DEPTH) damaged(`its schema is nested more than ${MAX_DEPTH} levels deep`)
  }
  if (elements.length === 0 || open.some((left) => left > 0)) damaged('its schema is incomplete')
}

function located({ file_path, meta_data: meta }: ColumnChunk, end: number): Chunk {
  // A summary file (_metadata) points into the files of a folder.
  if (file_path !== undefined) damaged(`its data lies in another file, ${file_path}: name that one`)
  if (meta === undefined) damaged('a column is encrypted or has no metadata')
  const { path_in_schema: path, codec } = meta
  const name = path.join('.')
  const entries = count(meta.num_values, `values of ${name}`)
  // Without values there may be no pages, and offsets that mean nothing.
  if (entries === 0) return { path, codec, start: 0, end: 0, entries }
  const data = count(meta.data_page_offset, `offset of ${name}`)
  const dictionary = count(meta.dictionary_page_offset ?? 0, `offset of ${name}`)
  // Some writers store 0 where there is no dictionary.
  const start = dictionary > 0 && dictionary < data ? dictionary : data
  const length = count(meta.total_compressed_size, `size of ${name}`)
  if (start < 4 || start + length > end) {
    damaged(
      `the column ${name} lies at bytes ${start} to ${start + length}, outside of the data (4 to ${end})`,
    )
  }
  return { path, codec, start, end: start + length, entries }
}

/** The chunk of the leaf column `path` in `group`. */
export function chunkOf(group: RowGroup, path: readonly string[]): Chunk {
  const name = path.join('.')
  const chunk =
    group.chunks.find(
      (other) => other.path.length === path.length && other.path.every((part, i) => part === path[i]),
    ) ?? damaged(`a row group lacks the column ${name}`)
  if (CODECS.has(chunk.codec)) return chunk
  const codec = chunk.codec ?? 'an unknown codec'
  return damaged(`the column ${name} is compressed with ${codec}; known are ${[...CODECS].join(', ')}`)
}

function count(value: bigint | number | undefined, what: string): number {
  const number = Number(value)
  return Number.isSafeInteger(number) && number >= 0 ? number : damaged(`it states ${value} as ${what}`)
}
