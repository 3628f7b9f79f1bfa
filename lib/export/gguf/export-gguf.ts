import { open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import {
  makeFolder,
  openRegularFile,
  readExactly,
  saveError,
  syncFolder,
  systemCode,
  writeExactly,
} from '../../checkpoint/files.js'
import type { RegionReader } from '../../checkpoint/region.js'
import type { ModelConfig } from '../../config/types.js'
import type { TokenizerFile } from '../../data/tokenizer/tokenizer.js'
import { SaveError } from '../../errors.js'
import type { LanguageSettings } from '../huggingface-config.js'
import { encode, type GgufType } from './encode.js'
import { paddingAfter, renderHeader, tensorBytes } from './header.js'
import { modelMetadata } from './metadata.js'
import { ggufTensors, type GgufTensor } from './tensors.js'
import { tokenizerMetadata } from './tokenizer.js'
import type { Metadata } from './values.js'

export interface GgufExport {
  /** The file to make, `model.gguf` say. */
  readonly file: string
  readonly model: ModelConfig
  readonly settings: LanguageSettings
  /** The flat region of the weights. */
  readonly weights: RegionReader
  /** As `Tokenizer.files()` gives them. */
  readonly tokenizerFiles: readonly TokenizerFile[]
  /** What matrices are stored as; norms are always f32. Default f16. */
  readonly type?: GgufType
  /** For people; the file's name unless given. */
  readonly name?: string
  /** Replace a file that is there. */
  readonly overwrite?: boolean
}

export interface GgufResult {
  readonly bytes: number
  /** Matrices that are f16 because their rows are no whole number of Q8_0 blocks. */
  readonly keptAsF16: readonly string[]
}

/**
 * Writes one file that llama.cpp, Ollama and LM Studio load, tokenizer and all: GGUF version 3, architecture `llama`.
 * It appears whole or not at all; a piece of a tensor is in memory at a time.
 * @throws {DataError} when llama.cpp has no such tokenizer
 * @throws {ConfigError} when a weight is beyond what `type` can hold
 * @throws {SaveError} when the file is there already, or cannot be written
 */
export async function exportGguf(options: GgufExport): Promise<GgufResult> {
  const { model, settings, weights, tokenizerFiles, type = 'f16', overwrite = false } = options
  const file = resolve(options.file)
  const partial = `${file}.partial`
  const metadata: Metadata = new Map([
    ...modelMetadata(options.name ?? basename(file, '.gguf'), model, settings, type),
    ...tokenizerMetadata(tokenizerFiles, settings, model.vocabSize),
  ])
  const tensors = ggufTensors(model, type)
  try {
    await refuseToReplace(file, overwrite)
    await makeFolder(dirname(file))
    await rm(partial, { force: true })
    const bytes = await write(partial, metadata, tensors, weights)
    await rename(partial, file)
    await syncFolder(dirname(file))
    const keptAsF16 = type === 'q8_0' ? tensors.filter((tensor) => tensor.type === 'f16') : []
    return { bytes, keptAsF16: keptAsF16.map(({ name }) => name) }
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {})
    throw saveError('The GGUF file', file, error)
  }
}

async function write(
  path: string,
  metadata: Metadata,
  tensors: readonly GgufTensor[],
  weights: RegionReader,
): Promise<number> {
  const file = await open(path, 'wx')
  let bytes = 0
  const put = async (piece: Uint8Array) => {
    await writeExactly(file, piece, bytes)
    bytes += piece.byteLength
  }
  try {
    await put(renderHeader(metadata, tensors))
    for (const tensor of tensors) {
      const end = bytes + tensorBytes(tensor)
      for await (const values of tensor.read(weights)) await put(encode(tensor.type, values, tensor.name))
      if (bytes !== end) throw new RangeError(`${tensor.name}: ${bytes - end} bytes beyond its shape`)
      await put(new Uint8Array(paddingAfter(bytes)))
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return bytes
}

async function refuseToReplace(file: string, overwrite: boolean): Promise<void> {
  try {
    const found = await stat(file)
    if (found.isFile() && overwrite && (await isGguf(file))) return
    if (found.isFile() && overwrite)
      throw new SaveError(`${file} is no GGUF file and will not be replaced. Choose another name.`)
    throw new SaveError(
      found.isFile()
        ? `${file} exists. Choose another name, or ask to overwrite it.`
        : `${file} exists and is no file. A GGUF model is one file: give a name such as model.gguf.`,
    )
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
}

async function isGguf(path: string): Promise<boolean> {
  const { file, bytes } = await openRegularFile(path)
  try {
    return (
      bytes >= 4 && Buffer.from(await readExactly(path, file, 0, new Uint8Array(4))).toString() === 'GGUF'
    )
  } finally {
    await file.close()
  }
}
