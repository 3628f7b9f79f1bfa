import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Parameter } from '../model/parameters.js'
import { commitFolder, makeFolder, replaceFile, saveError, syncFolder, writeSynced } from './files.js'
import { checkpointName, latestName, removeLeftovers } from './folder.js'
import { manifestName, renderManifest, type CheckpointState } from './manifest.js'
import { openCheckpoint } from './open.js'
import { filePoints, reach, replacePoint, type AtPoint } from './points.js'
import { bytesOf, viewPieces } from './region.js'
import { applyRetention, type RetentionPolicy } from './retention.js'
import { writeSafetensors, type TensorSource, type WrittenFile } from './safetensors.js'

/** Everything that a save writes: plain data, so that it can go to a thread. */
export interface WriteJob {
  /** Holds the checkpoints of one run; made when missing. Only one save at a time may work in it. */
  readonly folder: string
  readonly state: CheckpointState
  readonly parameters: readonly Parameter[]
  /** `weights`, `m`, `v`, …: flat regions in consecutive pieces. Each becomes a file of that name. */
  readonly regions: Readonly<Record<string, readonly Float32Array[]>>
  readonly retention: RetentionPolicy
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
 * @throws {SaveError} when the checkpoint could not be written; what was written of it is removed
 */
export async function writeCheckpoint(job: WriteJob, at: AtPoint = reach): Promise<SavedCheckpoint> {
  const { folder, state, retention } = job
  const path = join(folder, checkpointName(state.step))
  const partial = `${path}.partial`
  let bytes: number
  try {
    await makeFolder(folder)
    await removeLeftovers(folder)
    const existing = await sameCheckpoint(path, job)
    if (existing !== undefined) return { path, bytes: existing, warnings: [] }

    await mkdir(partial)
    const files = await writeRegions(partial, job, at)
    await at('before manifest')
    await writeSynced(join(partial, manifestName), renderManifest({ state, files }))
    await at('before folder sync')
    await syncFolder(partial)
    await at('before rename')
    await commitFolder(partial, path, {
      replacing: () => at(replacePoint),
      renamed: () => at('after rename'),
    })
    bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {})
    throw saveError(`The checkpoint of step ${state.step}`, folder, error)
  }

  const warnings: string[] = []
  const afterwards = async (what: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      warnings.push(saveError(`The checkpoint ${path} is safe, but the ${what}`, folder, error).message)
    }
  }
  await afterwards(latestName, () => pointTo(folder, state.step, at))
  await afterwards('retention', async () => {
    await at('before retention')
    await applyRetention(folder, state.step, retention, at)
    await at('after everything')
  })
  return { path, bytes, warnings }
}

async function writeRegions(
  partial: string,
  { parameters, regions }: WriteJob,
  at: AtPoint,
): Promise<Record<string, WrittenFile>> {
  const files: Record<string, WrittenFile> = {}
  for (const [region, pieces] of Object.entries(regions)) {
    const name = `${region}.safetensors`
    const [before, middle, after] = filePoints(name)
    await at(before)
    const half = parameters[parameters.length >> 1]
    const tensors = parameters.map((parameter) =>
      parameterSource(parameter, pieces, parameter === half ? () => at(middle) : undefined),
    )
    files[name] = await writeSafetensors(join(partial, name), tensors)
    await at(after)
  }
  return files
}

/** A parameter by its own name; the padding between parameters is not stored. */
function parameterSource(
  { name, shape, offset, size }: Parameter,
  pieces: readonly Float32Array[],
  first: () => void | Promise<void> = () => {},
): TensorSource {
  const data = async function* () {
    await first()
    for (const values of viewPieces(pieces, offset, size)) yield bytesOf(values)
  }
  return { name, dtype: 'F32', shape, data: data() }
}

async function pointTo(folder: string, step: number, at: AtPoint): Promise<void> {
  await at('before latest')
  const content = `${checkpointName(step)}\n`
  await replaceFile(join(folder, latestName), content, () => at('in the middle of latest'))
}

/**
 * Size of the checkpoint that is already there, when it is whole and of this very state: training is deterministic,
 * so there is nothing to add (a periodic save and then a stop at the same step). Anything else there is replaced.
 */
async function sameCheckpoint(path: string, { state, regions }: WriteJob): Promise<number | undefined> {
  const existing = await openCheckpoint(path).catch(() => undefined)
  const same =
    existing !== undefined &&
    isDeepStrictEqual(existing.state, JSON.parse(JSON.stringify(state))) &&
    isDeepStrictEqual(existing.regions, Object.keys(regions))
  return same ? existing.bytes : undefined
}
