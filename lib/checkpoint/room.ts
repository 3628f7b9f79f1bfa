import { statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { SaveError } from '../errors.js'
import type { ParameterTable } from '../model/parameters.js'
import { renderHeader } from './safetensors-header.js'
import { systemCode } from './files.js'

/** Bytes of the files that a checkpoint with `regions` files holds; the manifest adds a few kB. */
export function checkpointBytes(table: ParameterTable, regions = 3): number {
  const tensors = table.parameters.map(({ name, shape }) => ({ name, shape, dtype: 'F32' as const }))
  const elements = table.parameters.reduce((sum, { size }) => sum + size, 0)
  return regions * (renderHeader(tensors, {}).byteLength + Float32Array.BYTES_PER_ELEMENT * elements)
}

/**
 * Stops before hours of training meet a full disk. Says nothing where the system does not tell what is free.
 * @param folder where to save; need not exist yet
 * @param bytes what must fit: two checkpoints, since the old one goes when the new one is safe
 * @throws {SaveError} when less is free
 */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(resolve(folder))
  if (free === undefined || free >= bytes) return
  throw new SaveError(
    `Checkpoints need ${kilobytes(Math.ceil(bytes / 1e3))} in ${folder}, but only ${kilobytes(Math.floor(free / 1e3))} ` +
      'are free there. Make room, or choose a folder on another disk.',
  )
}

/** For an ordinary user, on the disk of the closest folder that exists. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize, blocks } = await statfs(folder)
    return blocks > 0 ? bavail * bsize : undefined // some network file systems answer, with zeros
  } catch (error) {
    const above = dirname(folder)
    return systemCode(error) === 'ENOENT' && above !== folder ? freeBytes(above) : undefined
  }
}

function kilobytes(count: number): string {
  return `${count.toLocaleString('en-US')} kB`
}
