import { CheckpointError } from '../errors.js'
import { dtypeBytes, isDtype, type Dtype } from './dtype.js'
import { parseStrictJson } from './strict-json.js'

/**
 * The header of a safetensors file: 8 bytes little-endian length, then that many bytes of JSON that give type, shape and
 * byte range of every tensor. The ranges count from the end of the header and cover the rest of the file exactly.
 */

export interface TensorInfo {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
}

export interface TensorEntry extends TensorInfo {
  /** Byte range in the file. */
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
}

/** The limit of the reference implementation. */
export const maxHeaderBytes = 100_000_000

const metadataKey = '__metadata__'

export function tensorBytes({ dtype, shape }: Pick<TensorInfo, 'dtype' | 'shape'>): number {
  return shape.reduce((a, b) => a * b, dtypeBytes[dtype])
}

/** Length and JSON of a file that holds `tensors` back to back in this order. */
export function renderHeader(tensors: readonly TensorInfo[], metadata: Record<string, string>): Uint8Array {
  const names = new Set(tensors.map((t) => t.name))
  if (names.size < tensors.length || names.has(metadataKey)) {
    throw new RangeError(`tensor names must differ from each other and from ${metadataKey}`)
  }
  let offset = 0
  const fields = tensors.map(({ name, dtype, shape }) => {
    const begin = offset
    offset += tensorBytes({ dtype, shape })
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, offset] })}`
  })
  // Written by hand since an object would move names that look like numbers to the front.
  if (Object.keys(metadata).length > 0) fields.unshift(`"${metadataKey}":${JSON.stringify(metadata)}`)
  const json = new TextEncoder().encode(`{${fields.join(',')}}`)

  const padded = Math.ceil(json.length / 8) * 8
  const header = new Uint8Array(8 + padded).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true)
  header.set(json, 8)
  return header
}

/** Checked length of the JSON, from the first 8 bytes of a file of `fileBytes`. */
export function headerLength(path: string, first: Uint8Array, fileBytes: number): number {
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(maxHeaderBytes) || Number(length) > fileBytes - 8) {
    throw corrupt(path, `its header claims ${length} bytes, the file has ${fileBytes}`)
  }
  return Number(length)
}

/** Everything that the header of a file of `fileBytes` says, believed only once it all fits together. */
export function parseHeader(path: string, json: Uint8Array, fileBytes: number): Header {
  const fields = parseObject(path, json)
  const dataStart = 8 + json.byteLength
  const tensors = new Map<string, TensorEntry>()
  let metadata = new Map<string, string>()
  for (const [name, value] of Object.entries(fields)) {
    if (name === metadataKey) metadata = parseMetadata(path, value)
    else tensors.set(name, parseEntry(path, name, value, dataStart))
  }

  // An empty tensor shares its place with its neighbour, hence the second key.
  const inOrder = [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)
  let end = dataStart
  for (const tensor of inOrder) {
    if (tensor.begin !== end) {
      const what = tensor.begin < end ? 'overlaps the tensor before it' : 'leaves a hole before it'
      throw corrupt(path, `tensor ${quote(tensor.name)} ${what} (byte ${tensor.begin} instead of ${end})`)
    }
    end = tensor.end
  }
  if (end !== fileBytes) throw corrupt(path, `its tensors end at byte ${end}, the file at ${fileBytes}`)
  return { tensors, metadata }
}

function parseObject(path: string, json: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    // A byte order mark is kept, and then refused by the parser: the format wants `{` first.
    value = parseStrictJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json))
  } catch (cause) {
    throw corrupt(path, `its header is not valid JSON (${(cause as Error).message.slice(0, 200)})`, cause)
  }
  if (json[0] !== 0x7b || !isObject(value)) throw corrupt(path, 'its header is not a JSON object')
  return value
}

function parseMetadata(path: string, value: unknown): Map<string, string> {
  const refuse = () => corrupt(path, 'its metadata is not an object of strings')
  if (!isObject(value)) throw refuse()
  const metadata = new Map<string, string>()
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw refuse()
    metadata.set(key, text)
  }
  return metadata
}

function parseEntry(path: string, name: string, value: unknown, dataStart: number): TensorEntry {
  const bad = (what: string) => corrupt(path, `tensor ${quote(name)} ${what}`)
  if (!isObject(value) || Object.keys(value).sort().join() !== 'data_offsets,dtype,shape') {
    throw bad('must have exactly dtype, shape and data_offsets')
  }
  const { dtype, shape, data_offsets: range } = value
  if (!isDtype(dtype))
    throw bad(`has the unknown type ${quote(typeof dtype === 'string' ? dtype : `of a ${typeof dtype}`)}`)
  if (!isListOfSizes(shape)) throw bad('has a shape that is not a list of sizes')
  if (!isListOfSizes(range) || range.length !== 2) throw bad('has data_offsets that are not two byte counts')
  const [begin, end] = range as [number, number]
  const bytes = tensorBytes({ dtype, shape })
  if (end - begin !== bytes) {
    throw bad(
      `is ${dtype} [${shape.slice(0, 8).join()}] and needs ${bytes} bytes, its range has ${end - begin}`,
    )
  }
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
}

/** A name from a file, made fit for a message. */
function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

function corrupt(path: string, what: string, cause?: unknown): CheckpointError {
  const text = `${path} is not a valid safetensors file: ${what}. It is damaged or incomplete; copy or save it again.`
  return new CheckpointError('ERR_CHECKPOINT_CORRUPT', text, { cause })
}
