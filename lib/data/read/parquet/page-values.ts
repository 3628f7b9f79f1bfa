/** The numbers and values in the bytes of a page: checked first, then decoded by hyparquet. */
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js'
import { byteStreamSplit, readRleBitPackedHybrid } from 'hyparquet/src/encoding.js'
import { readPlain } from 'hyparquet/src/plain.js'
import type { DecodedArray, DictionaryPageHeader, Encoding } from 'hyparquet/src/types.js'
import type { Leaf } from './column.js'
import { damaged, guarded } from './damage.js'
import { checkDelta, checkRuns, checkSharedStarts } from './page-check.js'

/** No dictionary has 2^24 entries; hyparquet's reader of bits ends there. */
const MAX_INDEX_BITS = 24

/** Levels at the bytes `from` … `to`: `count` of them up to `max`; none where the column has only one level. */
export function readLevels(
  bytes: Uint8Array,
  from: number,
  to: number,
  max: number,
  count: number,
): number[] {
  if (max === 0 || count === 0) return []
  if (to > bytes.length) damaged(`the levels of a page reach to byte ${to} of ${bytes.length}`)
  const bits = 32 - Math.clz32(max)
  checkRuns(bytes.subarray(0, to), from, bits, count)
  const levels = new Array<number>(count)
  const reader = { view: viewOf(bytes), offset: from }
  guarded('the levels of a page are damaged', () => readRleBitPackedHybrid(reader, bits, levels, to - from))
  for (const level of levels)
    if (level > max) damaged(`a page has the level ${level} where ${max} is the highest`)
  return levels
}

export function readDictionary(
  page: Uint8Array,
  header: DictionaryPageHeader | undefined,
  { type, element }: Leaf,
  limit: number,
): DecodedArray {
  const count = header?.num_values ?? damaged('its header is incomplete')
  if (!Number.isInteger(count) || count < 0 || count > limit)
    damaged(`it has ${count} entries, of ${limit} at most`)
  return readPlain({ view: viewOf(page), offset: 0 }, type, count, element.type_length)
}

/**
 * `count` values from byte `from` on; of dictionary encodings the indices. `page` must be the whole of its
 * buffer: hyparquet's views of strings are not held against the end of a part. `limit`: bytes of strings.
 */
export function readValues(
  page: Uint8Array,
  from: number,
  encoding: Encoding,
  { type, element }: Leaf,
  count: number,
  limit: number,
): DecodedArray {
  const reader = { view: viewOf(page), offset: from }
  if (count === 0) return []
  switch (encoding) {
    case 'PLAIN':
      return readPlain(reader, type, count, element.type_length)
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      return readIndices(page, from, count)
    case 'RLE': {
      if (type !== 'BOOLEAN') return damaged(`values of type ${type} are encoded as RLE`)
      // Behind their length, which says nothing new.
      return readRuns(page, from + 4, 1, count).map((bit) => bit === 1)
    }
    case 'DELTA_BINARY_PACKED': {
      if (type !== 'INT32' && type !== 'INT64') return damaged(`values of type ${type} are encoded as deltas`)
      const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count)
      checkDelta(page, from, count, type === 'INT32' ? 32 : 64)
      deltaBinaryUnpack(reader, count, values)
      return values
    }
    case 'DELTA_LENGTH_BYTE_ARRAY': {
      checkDelta(page, from, count, 32)
      const values = new Array<Uint8Array>(count)
      deltaLengthByteArray(reader, count, values)
      return values
    }
    case 'DELTA_BYTE_ARRAY': {
      checkSharedStarts(page, from, count, limit)
      const values = new Array<Uint8Array>(count)
      deltaByteArray(reader, count, values)
      return values
    }
    case 'BYTE_STREAM_SPLIT':
      if (count * (element.type_length ?? 1) > page.length)
        damaged(`it claims ${count} values in ${page.length} bytes`)
      return byteStreamSplit(reader, count, type, element.type_length)
    case 'BIT_PACKED':
    case 'GROUP_VAR_INT':
    default:
      return damaged(`its encoding ${String(encoding)} is not known`)
  }
}

function readIndices(page: Uint8Array, from: number, count: number): DecodedArray {
  const bits = page[from] ?? damaged('it ends before its dictionary indices')
  if (bits > MAX_INDEX_BITS) damaged(`its dictionary indices have ${bits} bits`)
  return bits === 0 ? new Uint8Array(count) : readRuns(page, from + 1, bits, count)
}

function readRuns(page: Uint8Array, from: number, bits: number, count: number): number[] {
  checkRuns(page, from, bits, count)
  const values = new Array<number>(count)
  readRleBitPackedHybrid({ view: viewOf(page), offset: from }, bits, values, page.length - from)
  return values
}

/** The entries of `dictionary` that `indices` name. */
export function dereference(indices: DecodedArray, dictionary: DecodedArray | undefined): DecodedArray {
  if (indices.length > 0 && dictionary === undefined)
    damaged('it needs a dictionary, and none came before it')
  const values = new Array<unknown>(indices.length)
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number
    if (index >= dictionary!.length)
      damaged(`it names entry ${index} of a dictionary of ${dictionary!.length}`)
    values[i] = dictionary![index] as unknown
  }
  return values
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
