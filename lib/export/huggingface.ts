import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { ModelConfig } from '../config/types.js'
import { toBfloat16 } from '../checkpoint/dtype.js'
import {
  commitFolder,
  makeFolder,
  saveError,
  syncFolder,
  systemCode,
  writeSynced,
} from '../checkpoint/files.js'
import { bytesOf, readPieces, type RegionReader } from '../checkpoint/region.js'
import { writeSafetensors, type TensorSource } from '../checkpoint/safetensors.js'
import type { TokenizerFile } from '../data/tokenizer/tokenizer.js'
import { ConfigError, SaveError } from '../errors.js'
import { parameterTable } from '../model/parameters.js'
import { renderConfig, type ExportDtype, type LanguageSettings } from './huggingface-config.js'
import { huggingFaceTensors, type NamedRange } from './names.js'

export interface HuggingFaceExport {
  /** Made by the export, all at once. */
  readonly folder: string
  readonly model: ModelConfig
  readonly settings: LanguageSettings
  /** The flat region of the weights. */
  readonly weights: RegionReader
  /** What the tokenizer is stored as, `tokenizer.json` say. */
  readonly tokenizerFiles?: readonly TokenizerFile[]
  /** What the weights are stored as; bf16 halves the file and rounds. */
  readonly dtype?: ExportDtype
  /** Replace an export that is already there. */
  readonly overwrite?: boolean
}

/** Writes a folder that `AutoModelForCausalLM.from_pretrained` loads. It appears complete or not at all. */
export async function exportHuggingFace(options: HuggingFaceExport): Promise<{ bytes: number }> {
  const { model, settings, weights, tokenizerFiles = [], dtype = 'f32', overwrite = false } = options
  const folder = resolve(options.folder)
  const partial = `${folder}.partial`
  const config = renderConfig(model, settings, dtype)
  const generation = { _from_model_config: true, bos_token_id: settings.bosId, eos_token_id: settings.eosId }
  const small = new Map<string, string | Uint8Array>([
    ['config.json', render(config)],
    ['generation_config.json', render(generation)],
  ])
  for (const file of tokenizerFiles) addTokenizerFile(small, file)

  try {
    await makeFolder(dirname(folder))
    await refuseToReplace(folder, overwrite)
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial)
    for (const [name, content] of small) await writeSynced(join(partial, name), content)
    const tensors = huggingFaceTensors(model, parameterTable(model))
    const { bytes } = await writeSafetensors(
      join(partial, weightsName),
      tensors.map((tensor) => tensorSource(tensor, weights, dtype)),
      { format: 'pt' }, // transformers reads only files that name their framework
    )
    await syncFolder(partial)
    await commitFolder(partial, folder)
    return { bytes }
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => {})
    throw saveError('The exported model', folder, error)
  }
}

const weightsName = 'model.safetensors'

function tensorSource(tensor: NamedRange, weights: RegionReader, dtype: ExportDtype): TensorSource {
  const { name, shape, offset, size } = tensor
  const half = dtype === 'bf16'
  const data = async function* () {
    for await (const values of readPieces(weights, offset, size)) {
      yield bytesOf(half ? toBfloat16(values) : values)
    }
  }
  return { name, dtype: half ? 'BF16' : 'F32', shape, data: data() }
}

/** Tokenizer files are ours to name, but they must stay in the folder and beside the others. */
function addTokenizerFile(files: Map<string, string | Uint8Array>, { name, data }: TokenizerFile): void {
  if (!/^\w[\w.-]*$/.test(name) || files.has(name) || name === weightsName) {
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
  if (!names.includes('config.json') || !names.includes(weightsName)) {
    throw new SaveError(
      `${folder} does not hold an exported model and will not be replaced. Choose another folder.`,
    )
  }
}

function render(content: object): string {
  return `${JSON.stringify(content, null, 2)}\n`
}
