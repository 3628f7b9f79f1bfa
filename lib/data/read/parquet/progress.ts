/** Bytes of a file that are done with, though only some of its columns are read. */
import type { Footer } from './footer.js'

export interface FileProgress {
  /** A page of `bytes` was read. */
  readonly read: (bytes: number) => void
  /** The next row group is done with: what was not read of it was passed over. */
  readonly groupDone: () => void
  readonly fileDone: () => void
}

/** Tells `onRead` of a file of `size` bytes so that the sum of what it is told ends at `size`. */
export function progressOf(size: number, { groups }: Footer, onRead?: (bytes: number) => void): FileProgress {
  let told = 0
  let done = 0
  let next = 0
  const upTo = (bytes: number): void => {
    // Chunks of a file that contradicts itself may overlap.
    const more = Math.min(bytes, size) - told
    if (more <= 0) return
    told += more
    onRead?.(more)
  }
  return {
    read: (bytes) => upTo(told + bytes),
    groupDone() {
      done += groups[next++]!.chunks.reduce((sum, { start, end }) => sum + end - start, 0)
      upTo(done)
    },
    fileDone: () => upTo(size),
  }
}
