/** Positioned reads of a file whose size is known, and the bytes of a part of it in order. */
import type { FileHandle } from 'node:fs/promises'
import { openRegular, readError } from '../regular-file.js'
import { damaged } from './damage.js'

/** Read at a time while looking for page headers. */
const AHEAD = 32 * 1024

export class StoredFile {
  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<StoredFile> {
    const { file, bytes } = await openRegular(path)
    return new StoredFile(path, bytes, file)
  }

  /** `length` bytes from `offset`, in a buffer of their own, so that no view can reach beyond them. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length)
    await this.readInto(bytes, offset)
    return bytes
  }

  async readInto(bytes: Uint8Array, offset: number): Promise<void> {
    if (offset < 0 || offset + bytes.length > this.size)
      damaged(`the file ends before byte ${offset + bytes.length}`)
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await this.handle
        .read(bytes, done, bytes.length - done, offset + done)
        .catch((error: unknown) => {
          throw readError(this.path, error)
        })
      if (bytesRead === 0) damaged(`the file was cut short at byte ${offset + done} while it was read`)
      done += bytesRead
    }
  }

  close(): Promise<void> {
    return this.handle.close()
  }
}

/** The bytes `position` … `end` of a file, taken one after the other. */
export class ByteRange {
  private window = new Uint8Array(0)
  private windowAt: number

  constructor(
    private readonly file: StoredFile,
    public position: number,
    readonly end: number,
  ) {
    this.windowAt = position
  }

  get left(): number {
    return this.end - this.position
  }

  /** At least `count` of the next bytes, fewer only where the range ends; they stay to be taken. */
  async peek(count: number): Promise<Uint8Array> {
    const wanted = Math.min(count, this.left)
    if (this.buffered().length < wanted) {
      this.window = await this.file.read(this.position, Math.min(Math.max(wanted, AHEAD), this.left))
      this.windowAt = this.position
    }
    return this.buffered()
  }

  /** The next `count` bytes in a buffer of their own. */
  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count)
    const ready = this.buffered().subarray(0, count)
    bytes.set(ready)
    if (ready.length < count)
      await this.file.readInto(bytes.subarray(ready.length), this.position + ready.length)
    this.position += count
    return bytes
  }

  skip(count: number): void {
    this.position += count
  }

  private buffered(): Uint8Array {
    return this.window.subarray(Math.min(this.position - this.windowAt, this.window.length))
  }
}
