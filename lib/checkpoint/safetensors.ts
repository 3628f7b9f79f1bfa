import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { CheckpointError } from '../errors.js'
import { dtypeBytes, isFloatDtype, toFloat32 } from './dtype.js'
import { openRegularFile, readExactly, writeExactly } from './files.js'
import { pieceBytes } from './region.js'
import { headerLength, parseHeader, renderHeader, tensorBytes } from './safetensors-header.js'
import type { Header, TensorEntry, TensorInfo } from './safetensors-header.js'

export interface TensorSource extends TensorInfo {
  /** The elements, row-major and little-endian; pieces of any length. */
  readonly data: Uint8Array | AsyncIterable<Uint8Array>
}

export interface WrittenFile {
  readonly bytes: number
  /** Of the whole file, hexadecimal. */
  readonly sha256: string
}

/** Writes and syncs a new file, one piece in memory at a time. The hash is taken from what was handed to the disk. */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  metadata: Record<string, string> = {},
): Promise<WrittenFile> {
  // Wide elements first, so that each tensor starts at a multiple of its element size and can be mapped as it lies.
  const ordered = [...tensors].sort((a, b) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype])
  const hash = createHash('sha256')
  const file = await open(path, 'wx')
  let bytes = 0
  try {
    const put = async (piece: Uint8Array) => {
      hash.update(piece)
      await writeExactly(file, piece, bytes)
      bytes += piece.byteLength
    }
    await put(renderHeader(ordered, metadata))
    for (const tensor of ordered) {
      const end = bytes + tensorBytes(tensor)
      for await (const piece of piecesOf(tensor.data)) await put(piece)
      if (bytes !== end) throw new RangeError(`${tensor.name}: ${bytes - end} bytes beyond its shape`)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

function piecesOf(data: TensorSource['data']): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (!(data instanceof Uint8Array)) return data
  const count = Math.ceil(data.byteLength / pieceBytes)
  return Array.from({ length: count }, (_, i) => data.subarray(i * pieceBytes, (i + 1) * pieceBytes))
}

/** An open file whose header has been checked in full. Tensors are read on demand. */
export class SafetensorsFile {
  readonly path: string
  readonly tensors: ReadonlyMap<string, TensorEntry>
  readonly metadata: ReadonlyMap<string, string>
  readonly #file: FileHandle

  private constructor(path: string, file: FileHandle, header: Header) {
    this.path = path
    this.tensors = header.tensors
    this.metadata = header.metadata
    this.#file = file
  }

  static async open(path: string): Promise<SafetensorsFile> {
    const { file, bytes } = await openRegularFile(path)
    try {
      const first = await readExactly(path, file, 0, new Uint8Array(8))
      const json = new Uint8Array(headerLength(path, first, bytes))
      await readExactly(path, file, 8, json)
      return new SafetensorsFile(path, file, parseHeader(path, json, bytes))
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** The bytes of a tensor in pieces of whole elements, each valid until the next is asked for. */
  async *read(name: string): AsyncGenerator<Uint8Array> {
    const { begin, end } = this.#entry(name)
    const buffer = new Uint8Array(Math.min(pieceBytes, end - begin))
    for (let at = begin; at < end; at += pieceBytes) {
      yield await readExactly(this.path, this.#file, at, buffer.subarray(0, end - at))
    }
  }

  /** An F32, BF16 or F16 tensor as float32, in pieces, each valid until the next is asked for. */
  async *readFloat32(name: string): AsyncGenerator<Float32Array> {
    const { dtype } = this.#entry(name)
    if (!isFloatDtype(dtype)) {
      throw new CheckpointError(
        'ERR_CHECKPOINT_MISMATCH',
        `${this.path}: ${name} holds ${dtype}, and only F32, BF16 and F16 can be read as weights. Convert the file.`,
      )
    }
    for await (const bytes of this.read(name)) yield toFloat32(dtype, bytes)
  }

  /** Safe to call again. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  #entry(name: string): TensorEntry {
    const entry = this.tensors.get(name)
    if (entry) return entry
    const text = `${this.path} has no tensor ${name}. It belongs to another model, or is incomplete.`
    throw new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
  }
}
