/** The pages of a column chunk, one at a time: read, verified, decompressed. The memory it takes is that of a page. */
import { crc32 } from 'node:zlib'
import { parquetHeader } from 'hyparquet/src/column.js'
import type { DataPageHeader, DecodedArray, Encoding, PageHeader } from 'hyparquet/src/types.js'
import { decompressPage } from './codec.js'
import type { Leaf } from './column.js'
import { damaged, guarded } from './damage.js'
import type { Chunk } from './footer.js'
import { dereference, readDictionary, readLevels, readValues } from './page-values.js'
import type { Pace } from './pace.js'
import { ByteRange } from './stored-file.js'
import type { StoredFile } from './stored-file.js'
import { structEnd } from './thrift-check.js'

/** A page holds a megabyte as a rule, and at least one value; a value may be as long as a line of JSON. */
export const MAX_PAGE_BYTES = 256 * 2 ** 20
const MAX_PAGE_ENTRIES = 2 ** 22
/** A header is some fifty bytes, and the smallest and largest value of its page where the writer adds them. */
const FIRST_LOOK = 512
const MAX_HEADER = 16 * 2 ** 20

export interface PageOptions {
  /** What is made of the values of a page or dictionary, `convert` of hyparquet for example. */
  readonly convert: (values: DecodedArray) => DecodedArray
  readonly pace: Pace
  /** Told the bytes of each page, as stored. */
  readonly onRead?: ((bytes: number) => void) | undefined
}

export interface Page {
  /** Of the entries that are not null, in order. */
  readonly values: DecodedArray
  readonly entries: number
  /** One an entry; an entry is a value where its level is the column's highest. Undefined: all are values. */
  readonly definition: number[] | undefined
  /** One an entry; empty outside of lists. */
  readonly repetition: number[]
}

export async function* readPages(
  file: StoredFile,
  chunk: Chunk,
  leaf: Leaf,
  options: PageOptions,
): AsyncGenerator<Page, void, void> {
  const range = new ByteRange(file, chunk.start, chunk.end)
  let dictionary: DecodedArray | undefined
  let entries = 0
  while (entries < chunk.entries) {
    const before = range.position
    const header = await readHeader(range, leaf)
    const stored = await takePage(range, header)
    options.onRead?.(range.position - before)
    if (header.type === 'INDEX_PAGE') continue
    if (header.type === 'DICTIONARY_PAGE') {
      const page = await decompressPage(stored, chunk.codec, header.uncompressed_page_size, options.pace)
      dictionary = guarded(`the dictionary of column ${leaf.name} is damaged`, () =>
        options.convert(readDictionary(page, header.dictionary_page_header, leaf, MAX_PAGE_ENTRIES)),
      )
      continue
    }
    const body = await bodyOf(stored, header, chunk, leaf, options.pace)
    const page = guarded(`a page of column ${leaf.name} is damaged`, () =>
      decode(body, leaf, dictionary, options),
    )
    entries += page.entries
    if (entries > chunk.entries)
      damaged(`column ${leaf.name} holds more than the ${chunk.entries} values it states`)
    yield page
    await options.pace()
  }
  // Nothing may follow, but some writers pad.
}

async function readHeader(range: ByteRange, leaf: Leaf): Promise<PageHeader> {
  for (let look = FIRST_LOOK; ; look *= 8) {
    const bytes = await range.peek(Math.min(look, MAX_HEADER))
    const length = structEnd(bytes)
    if (length !== undefined) {
      range.skip(length)
      const view = new DataView(bytes.buffer, bytes.byteOffset, length)
      return guarded('a page header is damaged', () => checked(parquetHeader({ view, offset: 0 })))
    }
    if (bytes.length >= Math.min(range.left, MAX_HEADER)) {
      damaged(`the pages of column ${leaf.name} end at byte ${range.end}, before all of its values`)
    }
  }
}

function checked(header: PageHeader): PageHeader {
  const sizes = [header.compressed_page_size, header.uncompressed_page_size]
  if (header.type === undefined) damaged('it holds a page of unknown type')
  for (const size of sizes) {
    if (!Number.isInteger(size) || size < 0) damaged(`a page has a size of ${size} bytes`)
    if (size > MAX_PAGE_BYTES)
      damaged(`a page has ${size} bytes, more than the ${MAX_PAGE_BYTES} that are read`)
  }
  return header
}

async function takePage(range: ByteRange, header: PageHeader): Promise<Uint8Array<ArrayBuffer>> {
  const { compressed_page_size: size, crc } = header
  if (size > range.left) damaged(`a page of ${size} bytes begins ${range.left} bytes before its column ends`)
  const at = range.position
  const stored = await range.take(size)
  if (crc !== undefined && crc32(stored) !== crc >>> 0)
    damaged(`the checksum of the page at byte ${at} does not match`)
  return stored
}

/** A data page with its levels set apart: the two versions of the format keep them in different places. */
interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Offset of the values in `bytes`. */
  readonly from: number
  readonly entries: number
  readonly encoding: Encoding
  readonly definition: number[]
  readonly repetition: number[]
}

async function bodyOf(
  stored: Uint8Array<ArrayBuffer>,
  header: PageHeader,
  chunk: Chunk,
  leaf: Leaf,
  pace: Pace,
): Promise<Body> {
  const { data_page_header: first, data_page_header_v2: second, uncompressed_page_size: size } = header
  if (header.type === 'DATA_PAGE' && first !== undefined) {
    return bodyOfFirst(await decompressPage(stored, chunk.codec, size, pace), first, leaf)
  }
  if (header.type !== 'DATA_PAGE_V2' || second === undefined) return damaged('a page header is incomplete')

  const entries = entriesOf(second.num_values)
  const repetitionEnd = second.repetition_levels_byte_length
  const levelsEnd = repetitionEnd + second.definition_levels_byte_length
  if (!(repetitionEnd >= 0 && levelsEnd >= repetitionEnd && levelsEnd <= Math.min(stored.length, size))) {
    damaged(`a page of ${size} bytes has levels up to byte ${levelsEnd}`)
  }
  const repetition = readLevels(stored, 0, repetitionEnd, leaf.maxRepetition, entries)
  const definition = readLevels(stored, repetitionEnd, levelsEnd, leaf.maxDefinition, entries)
  const codec = second.is_compressed === false ? 'UNCOMPRESSED' : chunk.codec
  const bytes = await decompressPage(stored.slice(levelsEnd), codec, size - levelsEnd, pace)
  return { bytes, from: 0, entries, encoding: second.encoding, definition, repetition }
}

function bodyOfFirst(bytes: Uint8Array<ArrayBuffer>, header: DataPageHeader, leaf: Leaf): Body {
  const entries = entriesOf(header.num_values)
  let from = 0
  const levels = (max: number, encoding: Encoding | undefined): number[] => {
    if (max === 0) return []
    if (encoding !== 'RLE') damaged(`levels are encoded as ${encoding ?? 'nothing known'}; only RLE is known`)
    if (from + 4 > bytes.length) damaged('a page ends within its levels')
    const start = from + 4
    from = start + new DataView(bytes.buffer).getUint32(from, true)
    return readLevels(bytes, start, from, max, entries)
  }
  const repetition = levels(leaf.maxRepetition, header.repetition_level_encoding)
  const definition = levels(leaf.maxDefinition, header.definition_level_encoding)
  return { bytes, from, entries, encoding: header.encoding, definition, repetition }
}

function entriesOf(count: number): number {
  if (!Number.isInteger(count) || count < 0) damaged(`a page states ${count} values`)
  return count <= MAX_PAGE_ENTRIES
    ? count
    : damaged(`a page has ${count} values, more than the ${MAX_PAGE_ENTRIES} that are read`)
}

function decode(
  body: Body,
  leaf: Leaf,
  dictionary: DecodedArray | undefined,
  { convert }: PageOptions,
): Page {
  const { entries, repetition } = body
  let count = entries
  for (const level of body.definition) if (level < leaf.maxDefinition) count--
  const raw = readValues(body.bytes, body.from, body.encoding, leaf, count, MAX_PAGE_BYTES)
  const indexed = body.encoding === 'PLAIN_DICTIONARY' || body.encoding === 'RLE_DICTIONARY'
  const values = indexed ? dereference(raw, dictionary) : convert(raw)
  return { values, entries, repetition, definition: count === entries ? undefined : body.definition }
}
