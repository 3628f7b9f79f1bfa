import type { NativeFileLock } from './addon.js'
import { loadAddon } from './load.js'
import { translate } from './translate.js'

/**
 * An exclusive lock on a file, held by the kernel until `release`, and at the latest until the process is gone, however it
 * went. Two of one process exclude each other, too.
 */
export class FileLock {
  readonly #native: NativeFileLock

  /**
   * Takes the lock without waiting; the file is made when it is missing.
   * @throws {NativeError} ERR_LOCKED when another holds it, ERR_NO_LOCKS where the file system has none,
   * ERR_OPEN_FAILED, ERR_NOT_A_FILE
   */
  constructor(path: string) {
    const { addon } = loadAddon()
    this.#native = translate(() => new addon.FileLock(path))
  }

  /** Replaces the file's content, a note for whoever finds it locked; false when that did not work. */
  write(text: string): boolean {
    return translate(() => this.#native.write(text))
  }

  /** Idempotent. */
  release(): void {
    this.#native.release()
  }
}
