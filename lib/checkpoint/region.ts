/**
 * Weights, m and v are flat Float32 regions of one layout (`ParameterTable`). Whoever stores or restores one sees it
 * only through these two functions, so that it may lie in native memory, on a device, or in an array.
 */

/** Elements [offset, offset + count) of a region. The array may be reused by the next call. */
export type RegionReader = (offset: number, count: number) => Promise<Float32Array> | Float32Array

/** Puts `values` at `offset` of a region. The array is only valid until the promise settles. */
export type RegionWriter = (offset: number, values: Float32Array) => Promise<void> | void

/** Moved at a time: 1 MiB, which SHA-256 takes in about a millisecond, so the event loop stays free. */
export const pieceBytes = 1 << 20
const pieceElements = pieceBytes / Float32Array.BYTES_PER_ELEMENT

/** Elements [offset, offset + count) piece by piece, each valid until the next is asked for. */
export async function* readPieces(
  read: RegionReader,
  offset: number,
  count: number,
): AsyncGenerator<Float32Array> {
  for (let done = 0; done < count; done += pieceElements) {
    yield await read(offset + done, Math.min(pieceElements, count - done))
  }
}

/** Elements [offset, offset + count) of a region that lies in consecutive pieces, in views of at most 1 MiB. */
export function* viewPieces(
  pieces: readonly Float32Array[],
  offset: number,
  count: number,
): Generator<Float32Array> {
  let begin = 0
  for (const piece of pieces) {
    const end = Math.min(offset + count - begin, piece.length)
    for (let at = Math.max(offset - begin, 0); at < end; at += pieceElements) {
      yield piece.subarray(at, Math.min(at + pieceElements, end))
    }
    begin += piece.length
  }
}

/** The same memory as bytes. Every platform that Node and our kernels run on is little-endian, as is safetensors. */
export function bytesOf(values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
