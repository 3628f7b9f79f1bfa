import { constants } from 'node:fs'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { CheckpointError, PatchTrainError, SaveError } from '../errors.js'

/**
 * Files that survive a crash: content is synced before a name points at it, and a name changes by one rename.
 * Files that are read are not trusted: regular ones only, and every byte asked for must be there.
 */

/** Opens for reading, but not a pipe or device: one that lies in a folder from elsewhere could make us wait for ever. */
export async function openRegularFile(path: string): Promise<{ file: FileHandle; bytes: number }> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw missing(`${path} cannot be opened (${systemCode(cause) ?? String(cause)}).`, cause)
  }
  const stats = await file.stat()
  if (stats.isFile()) return { file, bytes: stats.size }
  await file.close()
  throw missing(`${path} is not a regular file.`)
}

/** Fills `target` from `position`. */
export async function readExactly(
  path: string,
  file: FileHandle,
  position: number,
  target: Uint8Array,
): Promise<Uint8Array> {
  let done = 0
  while (done < target.byteLength) {
    const { bytesRead } = await file.read(target, done, target.byteLength - done, position + done)
    if (bytesRead === 0) {
      const text = `${path} ends at byte ${position + done}, ${target.byteLength - done} bytes too early. It was cut off; copy or save it again.`
      throw new CheckpointError('ERR_CHECKPOINT_CORRUPT', text)
    }
    done += bytesRead
  }
  return target
}

/** A small text file of at most `limit` bytes. */
export async function readSmallFile(path: string, limit: number): Promise<Uint8Array> {
  const { file, bytes } = await openRegularFile(path)
  try {
    if (bytes > limit) {
      const text = `${path} has ${bytes} bytes, more than the ${limit} that such a file may have. It is damaged, or not what its name says.`
      throw new CheckpointError('ERR_CHECKPOINT_CORRUPT', text)
    }
    return await readExactly(path, file, 0, new Uint8Array(bytes))
  } finally {
    await file.close()
  }
}

/** A write may take fewer bytes than it was given; a full disk shows itself only at the next one. */
export async function writeExactly(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done)
    done += bytesWritten
  }
}

/** Writes a new file and syncs it. */
export async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the names in a folder durable. Windows has no such call; there the journal of NTFS has to do. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Makes a folder and those above it, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true })
  if (first === undefined) return
  const above = dirname(resolve(first))
  for (let folder = resolve(path); folder !== above; folder = dirname(folder))
    await syncFolder(dirname(folder))
}

/** Called between two steps of something, so that a test can die or fail there. */
type Midway = () => void | Promise<void>

/** Readers see the old content or the new, never a mixture. `midway`: both are there, the old one still has the name. */
export async function replaceFile(path: string, content: string, midway: Midway = () => {}): Promise<void> {
  const partial = `${path}.partial`
  await rm(partial, { force: true })
  await writeSynced(partial, content)
  await midway()
  await rename(partial, path)
  await syncFolder(dirname(path))
}

/** What a folder is called while another takes its name. Whole, and worth returning to when the other never came. */
export function replacedName(path: string): string {
  return `${path}.old.partial`
}

/** What a folder is called from the moment it no longer counts until it is gone. */
export function removedName(path: string): string {
  return `${path}.removed.partial`
}

/**
 * Takes the name away first: a crash must not leave a folder that has its name but only half its files. `midway`: the
 * name is gone, the files are there.
 */
export async function removeFolder(path: string, midway: Midway = () => {}): Promise<void> {
  const aside = removedName(path)
  await rm(aside, { recursive: true, force: true })
  await rename(path, aside)
  await midway()
  await rm(aside, { recursive: true, force: true })
}

/**
 * Gives a finished, synced folder its name. A folder that had the name before is removed once the new one has it.
 * `replacing`: the old one has made way, the new one is not there yet. `renamed`: it is.
 */
export async function commitFolder(
  partial: string,
  target: string,
  { replacing = () => {}, renamed = () => {} }: { replacing?: Midway; renamed?: Midway } = {},
): Promise<void> {
  const aside = replacedName(target)
  await rm(aside, { recursive: true, force: true })
  const replaces = await renameIfPresent(target, aside)
  try {
    if (replaces) await replacing()
    await rename(partial, target)
  } catch (error) {
    if (replaces) await rename(aside, target)
    throw error
  }
  await renamed()
  await syncFolder(dirname(target))
  if (replaces) await rm(aside, { recursive: true, force: true })
}

async function renameIfPresent(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** `ENOSPC` and the like, when the error came from the operating system. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** What the user is told when writing to `path` failed. Errors that already speak for themselves pass through. */
export function saveError(what: string, path: string, error: unknown): PatchTrainError {
  if (error instanceof PatchTrainError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const advice = adviceFor(systemCode(error))
  return new SaveError(`${what} could not be written to ${path}: ${reason}. ${advice}`, { cause: error })
}

function adviceFor(code = ''): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'The disk is full: make room, or choose a folder on another disk.'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'The folder may not be written to: change its permissions, or choose another.'
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
      return 'Something else has that name: move it away, or choose another folder.'
    default:
      return 'Check the disk, then save again.'
  }
}

function missing(what: string, cause?: unknown): CheckpointError {
  return new CheckpointError('ERR_CHECKPOINT_MISSING', `${what} Check the path and its permissions.`, {
    cause,
  })
}
