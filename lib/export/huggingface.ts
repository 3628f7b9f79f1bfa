import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { LanguageSettings } from '../config/huggingface.js'
import type { ModelConfig } from '../config/types.js'
import {
  commitFolder,
  makeFolder,
  saveError,
  syncFolder,
  systemCode,
  writeSynced,
} from '../checkpoint/files.js'
import { readPieces, type RegionReader } from '../checkpoint/region.js'
import { writeSafetensors, type TensorSource } from '../checkpoint/safetensors.js'
import type { TokenizerFile } from '../data/tokenizer/tokenizer.js'
import { ConfigError, SaveError } from '../errors.js'
import { parameterTable } from '../model/parameters.js'
import { renderConfig, renderGenerationConfig } from './huggingface-config.js'
import { huggingFaceTensors, type NamedRange } from './names.js'
import { indexName, planShards, renderIndex, weightsName } from './shards.js'
import { encodeWeights, weightType, type ExportDtype } from './weight-types.js'

export interface HuggingFaceExport {
  /** Made by the export, all at once. */
  readonly folder: string
  readonly model: ModelConfig
  readonly settings: LanguageSettings
  /** The flat region of the weights. */
  readonly weights: RegionReader
  /** What the tokenizer is stored as, `tokenizer.json` say. */
  readonly tokenizerFiles?: readonly TokenizerFile[]
  /** What the weights are stored as; bf16 and f16 halve the files and round. Default: f32, every bit. */
  readonly dtype?: ExportDtype
  /** Spread the weights over files of at most so many bytes, with an index. Default: one file. */
  readonly shardBytes?: number
  /** Replace an export that is already there. */
  readonly overwrite?: boolean
}

/** What an export has written. */
export interface WrittenExport {
  /** Of the weights, over all files. */
  readonly bytes: number
  /** The files of the weights. */
  readonly files: readonly string[]
}

/**
 * Writes a folder that `AutoModelForCausalLM.from_pretrained` loads. It appears complete or not at all.
 * @throws {ConfigError} when transformers could not load the model, or a weight does not fit `dtype`
 * @throws {SaveError} when the folder may not be replaced, or the disk refuses
 */
export async function exportHuggingFace(options: HuggingFaceExport): Promise<WrittenExport> {
  const { model, settings, weights, tokenizerFiles = [], dtype = 'f32', overwrite = false } = options
  const folder = resolve(options.folder)
  const partial = `${folder}.partial`
  const elementBytes = weightType(dtype).bytes
  const shards = planShards(
    huggingFaceTensors(model, parameterTable(model)),
    elementBytes,
    options.shardBytes,
  )
  const small = new Map<string, string | Uint8Array>([
    ['config.json', render(renderConfig(model, settings, dtype))],
    ['generation_config.json', render(renderGenerationConfig(settings))],
  ])
  if (shards.length > 1) small.set(indexName, render(renderIndex(shards, elementBytes)))
  for (const file of tokenizerFiles) addTokenizerFile(small, file)

  try {
    await makeFolder(dirname(folder))
    await refuseToReplace(folder, overwrite)
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial)
    for (const [name, content] of small) await writeSynced(join(partial, name), content)
    let bytes = 0
    for (const { file, tensors } of shards) {
      const written = await writeSafetensors(
        join(partial, file),
        tensors.map((tensor) => tensorSource(tensor, weights, dtype)),
        { format: 'pt' }, // transformers reads only files that name their framework
      )
      bytes += written.bytes
    }
    await syncFolder(partial)
    await commitFolder(partial, folder)
    return { bytes, files: shards.map(({ file }) => file) }
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {})
    throw saveError('The exported model', folder, error)
  }
}

function tensorSource(tensor: NamedRange, weights: RegionReader, dtype: ExportDtype): TensorSource {
  const { name, shape, offset, size } = tensor
  const data = async function* () {
    for await (const values of readPieces(weights, offset, size)) yield encodeWeights(dtype, name, values)
  }
  return { name, dtype: weightType(dtype).safetensors, shape, data: data() }
}

/** Tokenizer files are ours to name, but they must stay in the folder and beside the others. */
function addTokenizerFile(files: Map<string, string | Uint8Array>, { name, data }: TokenizerFile): void {
  if (!/^\w[\w.-]*$/.test(name) || files.has(name) || name === indexName || name.endsWith('.safetensors')) {
    throw new ConfigError(
      `A tokenizer file cannot be called ${JSON.stringify(name)}. Use a plain name of its own.`,
    )
  }
  files.set(name, data)
}

/** Overwriting takes the whole folder away, so it is only done to what is plainly an export. */
async function refuseToReplace(folder: string, overwrite: boolean): Promise<void> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  if (names.length === 0) return
  if (!overwrite) {
    throw new SaveError(
      `${folder} exists and holds ${names.length} files. Choose another folder, or ask to overwrite it.`,
    )
  }
  if (!names.includes('config.json') || !(names.includes(weightsName) || names.includes(indexName))) {
    throw new SaveError(
      `${folder} does not hold an exported model and will not be replaced. Choose another folder.`,
    )
  }
  const foreign = names.find((name) => !isOfAnExport(name))
  if (foreign !== undefined) {
    throw new SaveError(
      `${folder} holds ${foreign}, which is no part of an exported model, and will not be replaced. Move it away, or choose another folder.`,
    )
  }
}

/** What we write, and what others put beside a model. */
function isOfAnExport(name: string): boolean {
  return (
    /^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/.test(name) ||
    /^(config|generation_config|added_tokens|special_tokens_map)\.json$/.test(name) ||
    /^tokenizer(_config)?\.(json|model)$/.test(name)
  )
}

function render(content: object): string {
  return `${JSON.stringify(content, null, 2)}\n`
}
