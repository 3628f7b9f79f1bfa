import { access } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isFloatDtype } from '../checkpoint/dtype.js'
import { readSmallFile } from '../checkpoint/files.js'
import { SafetensorsFile } from '../checkpoint/safetensors.js'
import { parseFolderConfig, type LanguageSettings, type ParsedFolderConfig } from '../config/huggingface.js'
import type { ModelConfig } from '../config/types.js'
import { CheckpointError } from '../errors.js'
import { parameterTable } from '../model/parameters.js'
import { huggingFaceTensors, type NamedRange } from './names.js'
import { indexProblems, readIndex, type ShardIndex } from './read-index.js'
import { indexName, weightsName } from './shards.js'

const maxConfigBytes = 1 << 20

/** Takes weights at their place in the flat region; `name` is that of the tensor they belong to. */
export type NamedWriter = (offset: number, values: Float32Array, name: string) => Promise<void> | void

/** Where a tensor of the model lies. */
interface Place {
  readonly tensor: NamedRange
  readonly file: SafetensorsFile
}

/** A folder in the form of Hugging Face, checked against its own config and index; weights are read on demand. */
export class HuggingFaceModel {
  readonly model: ModelConfig
  readonly settings: LanguageSettings
  readonly #folder: string
  readonly #files: readonly SafetensorsFile[]
  /** In the order of the forward pass. */
  readonly #places: readonly Place[]

  private constructor(
    folder: string,
    config: ParsedFolderConfig,
    files: readonly SafetensorsFile[],
    index: ShardIndex | undefined,
  ) {
    this.model = config.model
    this.settings = config.settings
    this.#folder = folder
    this.#files = files
    this.#places = placeTensors(folder, config.model, files, index)
  }

  /**
   * Reads config and headers. One `model.safetensors`, or shards that an index names.
   * @throws {CheckpointError} naming the field, file or tensor that is missing, damaged, or not as the config or the
   * index says
   */
  static async open(folder: string): Promise<HuggingFaceModel> {
    const configPath = join(folder, 'config.json')
    const text = new TextDecoder().decode(await readSmallFile(configPath, maxConfigBytes))
    const config = parseFolderConfig(configPath, text)
    const index = await findIndex(folder)
    const files: SafetensorsFile[] = []
    try {
      for (const name of index?.files ?? [weightsName])
        files.push(await openWeights(join(folder, name), index))
      return new HuggingFaceModel(folder, config, files, index)
    } catch (error) {
      await closeAll(files)
      throw error
    }
  }

  /** Hands every weight to `write`, piece by piece, at its place in the flat region of `parameterTable(model)`. */
  async load(write: NamedWriter): Promise<void> {
    await this.#refuseUntiedHead()
    for (const { tensor, file } of this.#places) {
      let at = tensor.offset
      for await (const values of file.readFloat32(tensor.name)) {
        await write(at, values, tensor.name)
        at += values.length
      }
    }
  }

  /** Safe to call again. */
  async close(): Promise<void> {
    await closeAll(this.#files)
  }

  /**
   * A tied head may be stored a second time, but then it must be the embedding: with another one transformers 4 computes
   * with the embedding, and transformers 5 with the head.
   */
  async #refuseUntiedHead(): Promise<void> {
    const file = this.#files.find(({ tensors }) => tensors.has(headName))
    if (!this.model.tiedHead || !file) return
    const embedding = this.#places[0]!
    const stored = file.tensors.get(headName)!
    const differs = (what: string) =>
      mismatch(
        this.#folder,
        `config.json ties head and embedding (tie_word_embeddings), but ${headName} ${what} ${embedding.tensor.name}`,
      )
    const { dtype } = embedding.file.tensors.get(embedding.tensor.name)!
    if (stored.shape.join() !== embedding.tensor.shape.join()) throw differs('has another shape than')
    if (stored.dtype !== dtype) throw differs('has another type than')
    const own = file.readFloat32(headName)
    for await (const values of embedding.file.readFloat32(embedding.tensor.name)) {
      const { value } = (await own.next()) as IteratorResult<Float32Array, undefined>
      if (!value || value.some((x, i) => !Object.is(x, values[i]))) throw differs('holds other values than')
    }
  }
}

const headName = 'lm_head.weight'

/** With both, or with neither (and then it is the one to miss), the single file counts, as in transformers. */
async function findIndex(folder: string): Promise<ShardIndex | undefined> {
  if (await exists(join(folder, weightsName))) return undefined
  const path = join(folder, indexName)
  return (await exists(path)) ? readIndex(path) : undefined
}

async function openWeights(path: string, index: ShardIndex | undefined): Promise<SafetensorsFile> {
  try {
    return await SafetensorsFile.open(path)
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code !== 'ERR_CHECKPOINT_MISSING') throw error
    const [tensor] = [...(index?.places ?? [])].find(([, file]) => file === basename(path)) ?? []
    const why = tensor
      ? `${index!.path} says that it holds ${tensor}. Download the model again.`
      : 'Weights are read from safetensors files only; convert others (.bin, .pth) with save_pretrained of transformers.'
    throw new CheckpointError(error.code, `${error.message} ${why}`, { cause: error })
  }
}

/** The file of every tensor, or an error that lists what is missing, too much, of another shape or type. */
function placeTensors(
  folder: string,
  model: ModelConfig,
  files: readonly SafetensorsFile[],
  index: ShardIndex | undefined,
): Place[] {
  const problems = index ? indexProblems(index, files) : []
  const holders = new Map<string, SafetensorsFile>()
  for (const file of files) for (const name of file.tensors.keys()) holders.set(name, file)

  const places: Place[] = []
  for (const tensor of huggingFaceTensors(model, parameterTable(model))) {
    const file = holders.get(tensor.name)
    const found = file?.tensors.get(tensor.name)
    const is = `${tensor.name}${file ? ` in ${basename(file.path)}` : ''} is`
    if (!file || !found) problems.push(`${is} missing`)
    else if (found.shape.join() !== tensor.shape.join())
      problems.push(`${is} [${found.shape.join()}], config.json says [${tensor.shape.join()}]`)
    else if (!isFloatDtype(found.dtype))
      problems.push(`${is} ${found.dtype}, and only F32, BF16 and F16 can be read`)
    else places.push({ tensor, file })
    holders.delete(tensor.name)
  }
  for (const [name, { path }] of holders)
    if (!mayIgnore(name, model)) problems.push(`${name} in ${basename(path)} has no place in the model`)
  if (problems.length === 0) return places
  const more = problems.length > 5 ? ` and ${problems.length - 5} more` : ''
  throw mismatch(folder, `${problems.slice(0, 5).join('; ')}${more}`)
}

/** Old exports carry the rotary frequencies, which follow from the config; a tied head may be stored a second time. */
function mayIgnore(name: string, model: ModelConfig): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (model.tiedHead && name === headName)
}

function mismatch(folder: string, what: string): CheckpointError {
  const text = `${folder} does not fit together: ${what}. Download or export it again.`
  return new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function closeAll(files: readonly SafetensorsFile[]): Promise<void> {
  for (const file of files) await file.close()
}
