import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { isFloatDtype } from '../checkpoint/dtype.js'
import { readSmallFile } from '../checkpoint/files.js'
import type { RegionWriter } from '../checkpoint/region.js'
import { SafetensorsFile } from '../checkpoint/safetensors.js'
import { parseStrictJson } from '../checkpoint/strict-json.js'
import type { ModelConfig } from '../config/types.js'
import { CheckpointError } from '../errors.js'
import { parameterTable } from '../model/parameters.js'
import { parseConfig, type LanguageSettings } from './huggingface-config.js'
import { huggingFaceTensors, type NamedRange } from './names.js'

const maxConfigBytes = 1 << 20
const maxIndexBytes = 64 << 20
const maxShards = 1000

/** A folder in the form of Hugging Face, checked against its own config; weights are read on demand. */
export class HuggingFaceModel {
  readonly model: ModelConfig
  readonly settings: LanguageSettings
  readonly #files: readonly SafetensorsFile[]
  /** Where each tensor of the model lies, in the order of the forward pass. */
  readonly #places: readonly { readonly tensor: NamedRange; readonly file: SafetensorsFile }[]

  private constructor(
    folder: string,
    config: { model: ModelConfig; settings: LanguageSettings },
    files: readonly SafetensorsFile[],
  ) {
    this.model = config.model
    this.settings = config.settings
    this.#files = files
    this.#places = placeTensors(folder, config.model, files)
  }

  /** Reads config and headers. One `model.safetensors`, or shards that an index names. */
  static async open(folder: string): Promise<HuggingFaceModel> {
    const configPath = join(folder, 'config.json')
    const config = parseConfig(configPath, await readText(configPath, maxConfigBytes))
    const files: SafetensorsFile[] = []
    try {
      for (const name of await weightFiles(folder)) files.push(await SafetensorsFile.open(join(folder, name)))
      return new HuggingFaceModel(folder, config, files)
    } catch (error) {
      await closeAll(files)
      throw error
    }
  }

  /** Hands every weight to `write`, piece by piece, at its place in the flat region of `parameterTable(model)`. */
  async load(write: RegionWriter): Promise<void> {
    for (const { tensor, file } of this.#places) {
      let at = tensor.offset
      for await (const values of file.readFloat32(tensor.name)) {
        await write(at, values)
        at += values.length
      }
    }
  }

  /** Safe to call again. */
  async close(): Promise<void> {
    await closeAll(this.#files)
  }
}

/** The file of every tensor, or an error that lists what is missing, too much, of another shape or type. */
function placeTensors(folder: string, model: ModelConfig, files: readonly SafetensorsFile[]) {
  const holders = new Map<string, SafetensorsFile>()
  const problems: string[] = []
  for (const file of files) {
    for (const name of file.tensors.keys()) {
      if (holders.has(name)) problems.push(`${name} is in two files`)
      holders.set(name, file)
    }
  }

  const places: { tensor: NamedRange; file: SafetensorsFile }[] = []
  for (const tensor of huggingFaceTensors(model, parameterTable(model))) {
    const file = holders.get(tensor.name)
    const found = file?.tensors.get(tensor.name)
    if (!file || !found) problems.push(`${tensor.name} is missing`)
    else if (found.shape.join() !== tensor.shape.join()) {
      problems.push(`${tensor.name} is [${found.shape.join()}], config.json says [${tensor.shape.join()}]`)
    } else if (!isFloatDtype(found.dtype)) problems.push(`${tensor.name} is ${found.dtype}`)
    else places.push({ tensor, file })
    holders.delete(tensor.name)
  }
  for (const name of holders.keys())
    if (!mayIgnore(name, model)) problems.push(`${name} has no place in the model`)
  if (problems.length === 0) return places
  const more = problems.length > 5 ? ` and ${problems.length - 5} more` : ''
  const text = `${folder} does not fit its config.json: ${problems.slice(0, 5).join('; ')}${more}. Download or export it again.`
  throw new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
}

/** Old exports carry the rotary frequencies, which follow from the config; a tied head may be stored a second time. */
function mayIgnore(name: string, model: ModelConfig): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (model.tiedHead && name === 'lm_head.weight')
}

async function weightFiles(folder: string): Promise<string[]> {
  const single = 'model.safetensors'
  const indexPath = join(folder, `${single}.index.json`)
  // With both, or with neither (and then it is the one to miss), the single file counts, as in transformers.
  if ((await exists(join(folder, single))) || !(await exists(indexPath))) return [single]

  const bad = (what: string, cause?: unknown) => {
    const text = `${indexPath} is not a valid index: ${what}. Download the model again.`
    return new CheckpointError('ERR_CHECKPOINT_CORRUPT', text, { cause })
  }
  let index: unknown
  try {
    index = parseStrictJson(await readText(indexPath, maxIndexBytes))
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause
    throw bad((cause as Error).message.slice(0, 200), cause)
  }
  const map = (index as { weight_map?: unknown } | null)?.weight_map
  if (typeof map !== 'object' || map === null) throw bad('it has no weight_map')
  const names = [...new Set<unknown>(Object.values(map))]
  if (names.length === 0 || names.length > maxShards)
    throw bad(`it names ${names.length} files, not 1 to ${maxShards}`)
  for (const name of names) {
    if (typeof name !== 'string' || !/^\w[\w.-]*\.safetensors$/.test(name)) {
      throw bad(`${JSON.stringify(name)} is not the plain name of a safetensors file`)
    }
  }
  return names as string[]
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function readText(path: string, limit: number): Promise<string> {
  return new TextDecoder().decode(await readSmallFile(path, limit))
}

async function closeAll(files: readonly SafetensorsFile[]): Promise<void> {
  for (const file of files) await file.close()
}
