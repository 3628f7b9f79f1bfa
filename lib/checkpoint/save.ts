import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Parameter, ParameterTable } from '../model/parameters.js'
import { commitFolder, makeFolder, replaceFile, saveError, syncFolder, writeSynced } from './files.js'
import { checkpointName, latestName, removeLeftovers } from './folder.js'
import { manifestName, renderManifest, type CheckpointState } from './manifest.js'
import { openCheckpoint } from './open.js'
import { bytesOf, readPieces, type RegionReader } from './region.js'
import { applyRetention } from './retention.js'
import { writeSafetensors, type TensorSource, type WrittenFile } from './safetensors.js'

export interface SaveOptions {
  /** Holds the checkpoints of one run; made when missing. Only one save at a time may work in it. */
  readonly folder: string
  readonly state: CheckpointState
  readonly table: ParameterTable
  /** `weights`, `m`, `v`, …: each becomes a file of that name. */
  readonly regions: Readonly<Record<string, RegionReader>>
  /** How many checkpoints to keep, at least 2. */
  readonly keep: number
  /** Called at each labelled point, so that tests can stop a save there. */
  readonly at?: ((point: string) => void | Promise<void>) | undefined
}

export interface SavedCheckpoint {
  readonly path: string
  readonly bytes: number
  /** What went wrong after the checkpoint was safe: the pointer or the retention. */
  readonly warnings: readonly string[]
}

/**
 * Saves all or nothing. The files are written and synced in `step-N.partial`, the manifest last; then one rename makes
 * them `step-N`. Until that rename nothing that was saved before is touched, after it the checkpoint is safe.
 */
export async function saveCheckpoint(options: SaveOptions): Promise<SavedCheckpoint> {
  const { folder, state, keep, at = () => {} } = options
  const path = join(folder, checkpointName(state.step))
  const partial = `${path}.partial`
  let bytes: number
  try {
    await makeFolder(folder)
    await removeLeftovers(folder)
    const existing = await sameCheckpoint(path, options)
    if (existing !== undefined) return { path, bytes: existing, warnings: [] }

    await at('start')
    await mkdir(partial)
    const files = await writeRegions(partial, options)
    await at('before manifest')
    await writeSynced(join(partial, manifestName), renderManifest({ state, files }))
    await syncFolder(partial)
    await at('before rename')
    await commitFolder(partial, path)
    bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {})
    throw saveError(`The checkpoint of step ${state.step}`, folder, error)
  }

  const warnings: string[] = []
  const afterwards = async (what: string, work: () => Promise<void>) => {
    try {
      await at(`before ${what}`)
      await work()
    } catch (error) {
      warnings.push(saveError(`The checkpoint ${path} is safe, but the ${what}`, folder, error).message)
    }
  }
  await afterwards(latestName, () => replaceFile(join(folder, latestName), `${checkpointName(state.step)}\n`))
  await afterwards('retention', () => applyRetention(folder, path, keep))
  return { path, bytes, warnings }
}

async function writeRegions(
  partial: string,
  { table, regions, at = () => {} }: SaveOptions,
): Promise<Record<string, WrittenFile>> {
  const files: Record<string, WrittenFile> = {}
  for (const [region, read] of Object.entries(regions)) {
    const name = `${region}.safetensors`
    await at(`before ${name}`)
    const tensors = table.parameters.map((parameter) => parameterSource(parameter, read))
    files[name] = await writeSafetensors(join(partial, name), tensors)
    await at(`after ${name}`)
  }
  return files
}

/** A parameter by its own name; the padding between parameters is not stored. */
function parameterSource({ name, shape, offset, size }: Parameter, read: RegionReader): TensorSource {
  const data = async function* () {
    for await (const values of readPieces(read, offset, size)) yield bytesOf(values)
  }
  return { name, dtype: 'F32', shape, data: data() }
}

/**
 * Size of the checkpoint that is already there, when it is whole and of this very state: training is deterministic,
 * so there is nothing to add (a periodic save and then a stop at the same step). Anything else there is replaced.
 */
async function sameCheckpoint(path: string, { state, regions }: SaveOptions): Promise<number | undefined> {
  const existing = await openCheckpoint(path).catch(() => undefined)
  const same =
    existing !== undefined &&
    isDeepStrictEqual(existing.state, JSON.parse(JSON.stringify(state))) &&
    isDeepStrictEqual(existing.regions, Object.keys(regions))
  return same ? existing.bytes : undefined
}
