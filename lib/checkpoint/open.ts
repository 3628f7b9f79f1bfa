import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError } from '../errors.js'
import type { ParameterTable } from '../model/parameters.js'
import { maxAttempts, readAttempts } from './attempts.js'
import { openRegularFile, readExactly, readSmallFile } from './files.js'
import { attemptsName, checkpointName, listCheckpoints, type CheckpointPath } from './folder.js'
import { manifestName, maxManifestBytes, parseManifest } from './manifest.js'
import type { CheckpointState, Manifest } from './manifest.js'
import { pieceBytes } from './region.js'
import type { RegionWriter } from './region.js'
import type { TensorEntry } from './safetensors-header.js'
import { SafetensorsFile } from './safetensors.js'

/** A checkpoint whose every byte was found to be what was saved. It keeps no file open. */
export class Checkpoint {
  readonly path: string
  readonly state: CheckpointState
  readonly files: Manifest['files']

  constructor(path: string, manifest: Manifest) {
    this.path = path
    this.state = manifest.state
    this.files = manifest.files
  }

  /** `weights`, `m`, `v`, as they were named when saved. */
  get regions(): string[] {
    return Object.keys(this.files).map((name) => name.slice(0, -'.safetensors'.length))
  }

  get bytes(): number {
    return Object.values(this.files).reduce((sum, file) => sum + file.bytes, 0)
  }

  /** Name, type and shape of what a region holds. */
  async tensors(region: string): Promise<TensorEntry[]> {
    return this.#withFile(region, (file) => [...file.tensors.values()])
  }

  /** Hands a region to `write`, piece by piece. Nothing is written unless all of it fits the table. */
  async load(region: string, table: ParameterTable, write: RegionWriter): Promise<void> {
    await this.#withFile(region, async (file) => {
      this.#refuseOtherModel(file, table)
      for (const { name, offset } of table.parameters) {
        let at = offset
        for await (const values of file.readFloat32(name)) {
          await write(at, values)
          at += values.length
        }
      }
    })
  }

  async #withFile<T>(region: string, use: (file: SafetensorsFile) => T | Promise<T>): Promise<T> {
    if (!this.regions.includes(region)) {
      const text = `${this.path} holds no ${region}, only ${this.regions.join(', ')}. It was saved by another kind of run.`
      throw new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
    }
    const file = await SafetensorsFile.open(join(this.path, `${region}.safetensors`))
    try {
      return await use(file)
    } finally {
      await file.close()
    }
  }

  #refuseOtherModel(file: SafetensorsFile, table: ParameterTable): void {
    const differences: string[] = []
    const expected = new Set<string>()
    for (const { name, shape } of table.parameters) {
      expected.add(name)
      const found = file.tensors.get(name)
      if (!found) differences.push(`${name} is missing`)
      else if (found.shape.join() !== shape.join()) {
        differences.push(`${name} is [${found.shape.join()}], the model wants [${shape.join()}]`)
      }
    }
    for (const name of file.tensors.keys())
      if (!expected.has(name)) differences.push(`${name} is not in the model`)
    if (differences.length === 0) return
    const more = differences.length > 5 ? ` and ${differences.length - 5} more` : ''
    const text = `${file.path} belongs to another model: ${differences.slice(0, 5).join('; ')}${more}. Use the model configuration it was saved with.`
    throw new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
  }
}

/** Opens the checkpoint in `path` once its manifest, and size and SHA-256 of every file, have been found right. */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  await requireFolder(path)
  const manifestPath = join(path, manifestName)
  const manifest = parseManifest(manifestPath, await readSmallFile(manifestPath, maxManifestBytes))
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    await verifyFile(join(path, name), bytes, sha256)
  }
  return new Checkpoint(path, manifest)
}

export interface NewestValid {
  readonly checkpoint: Checkpoint | undefined
  /** Newer ones that were not used, and why. Tell the user: training goes back to before them. */
  readonly skipped: readonly Skipped[]
}

export interface Skipped {
  readonly path: string
  readonly reason: string
}

/**
 * The checkpoint to start from: the one with the highest step that is whole and from which not two starts have died,
 * see attempts.ts; when there is no other, one from which they have.
 */
export async function newestValid(folder: string): Promise<NewestValid> {
  const attempts = await readAttempts(folder)
  if (attempts.size === 0) return newestWhole(folder)
  const found = await findNewest(folder, ({ step }) => {
    const starts = attempts.get(checkpointName(step)) ?? 0
    if (starts < maxAttempts) return undefined
    return `${starts} starts from it died before they had done a step. To start from it all the same, delete ${join(folder, attemptsName)}.`
  })
  return found.checkpoint ? found : newestWhole(folder)
}

/**
 * The newest checkpoint that is whole, of those up to step `upTo` that `accept` takes. Starts that died do not matter
 * here: this is for going back within a run, and for looking at one.
 */
export async function newestWhole(
  folder: string,
  { upTo = Infinity, accept = () => true }: { upTo?: number; accept?: (step: number) => boolean } = {},
): Promise<NewestValid> {
  return findNewest(
    folder,
    () => undefined,
    (step) => step <= upTo && accept(step),
  )
}

/** @param objection why a checkpoint that may well be whole is not to be used */
async function findNewest(
  folder: string,
  objection: (checkpoint: CheckpointPath) => string | undefined,
  accept: (step: number) => boolean = () => true,
): Promise<NewestValid> {
  const skipped: Skipped[] = []
  for (const listed of await listCheckpoints(folder)) {
    const { step, path } = listed
    if (!accept(step)) continue
    const reason = objection(listed)
    if (reason !== undefined) {
      skipped.push({ path, reason })
      continue
    }
    try {
      const checkpoint = await openCheckpoint(path)
      if (checkpoint.state.step === step) return { checkpoint, skipped }
      skipped.push({
        path,
        reason: `It holds step ${checkpoint.state.step}, not what its name says. Rename it.`,
      })
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
      skipped.push({ path, reason: error.message })
    }
  }
  return { checkpoint: undefined, skipped }
}

async function requireFolder(path: string): Promise<void> {
  const stats = await stat(path).catch(() => undefined)
  if (stats?.isDirectory()) return
  const text = `There is no checkpoint at ${path}. Give the path of a step-… folder inside a run's checkpoints.`
  throw new CheckpointError('ERR_CHECKPOINT_MISSING', text)
}

async function verifyFile(path: string, expectedBytes: number, expectedHash: string): Promise<void> {
  const { file, bytes } = await openRegularFile(path)
  try {
    if (bytes !== expectedBytes) throw corrupt(path, `it has ${bytes} bytes instead of ${expectedBytes}`)
    const hash = createHash('sha256')
    const buffer = new Uint8Array(Math.min(pieceBytes, bytes))
    for (let at = 0; at < bytes; at += pieceBytes) {
      hash.update(await readExactly(path, file, at, buffer.subarray(0, bytes - at)))
    }
    const found = hash.digest('hex')
    if (found !== expectedHash) {
      throw corrupt(path, `its SHA-256 is ${found.slice(0, 12)}… instead of ${expectedHash.slice(0, 12)}…`)
    }
  } finally {
    await file.close()
  }
}

function corrupt(path: string, what: string): CheckpointError {
  const text = `${path} is damaged: ${what}. Use the checkpoint before it, or copy this one again.`
  return new CheckpointError('ERR_CHECKPOINT_CORRUPT', text)
}
