import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { toBfloat16 } from '../checkpoint/dtype.js'
import { newestWhole, openCheckpoint, type Checkpoint } from '../checkpoint/open.js'
import { completeConfig } from '../config/complete.js'
import { resolveConfig } from '../config/resolve.js'
import type { UserConfig } from '../config/schema.js'
import type { ModelConfig } from '../config/types.js'
import { tokenizerOrKept } from '../data/tokenizer/kept.js'
import { loadTokenizer } from '../data/tokenizer/load.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import { CheckpointError, ConfigError } from '../errors.js'
import { HuggingFaceModel } from '../export/read-huggingface.js'
import { generate, type BatchPiece, type Writer } from '../generate/generate.js'
import type { GenerateOptions } from '../generate/options.js'
import type { GenerationEnd } from '../generate/text-stream.js'
import { allocateWeights, type FlatParameters } from '../model/weights.js'
import { Device } from '../native/device.js'
import { writeTensor } from '../tensor/tensor.js'

export interface LoadModelOptions {
  readonly device?: string
  readonly threads?: number
  /** Another tokenizer than the one that the folder names or holds. */
  readonly tokenizer?: string
}

/** A trained model on a device, ready to write or to be scored. Dispose of it when done. */
export interface LoadedModel {
  readonly device: Device
  readonly model: ModelConfig
  readonly weights: FlatParameters
  readonly tokenizer: Tokenizer
  /** T: positions the model was trained with. */
  readonly context: number
  /** What was loaded, for people. */
  readonly source: string
  /** Text that follows a prompt, as it is written; see {@link generate}. */
  generate(prompt: string, options?: GenerateOptions): AsyncGenerator<string, GenerationEnd, void>
  /** The same for several prompts at a time. */
  generate(prompts: readonly string[], options?: GenerateOptions): AsyncGenerator<BatchPiece, void, void>
  dispose(): void
}

/**
 * Loads a model from any folder that holds one: an exported one (Hugging Face form), a run, or a single checkpoint. Of
 * a run, the finished model when there is one, else the newest whole checkpoint.
 * @throws {CheckpointError} when the folder holds none of these, or what it holds is damaged
 */
export async function loadModel(folder: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  if (existsSync(join(folder, 'config.json'))) return loadExported(folder, options)
  if (existsSync(join(folder, 'model', 'config.json'))) return loadExported(join(folder, 'model'), options)
  if (existsSync(join(folder, 'manifest.json'))) return loadCheckpoint(await openCheckpoint(folder), options)
  const { checkpoint } = await newestWhole(join(folder, 'checkpoints'))
  if (checkpoint) return loadCheckpoint(checkpoint, options)
  throw new CheckpointError(
    'ERR_CHECKPOINT_MISSING',
    `${folder} holds no model. Give an exported folder (with config.json and model.safetensors), a run folder, or one of its checkpoints.`,
  )
}

async function loadExported(folder: string, options: LoadModelOptions): Promise<LoadedModel> {
  const files = await HuggingFaceModel.open(folder)
  try {
    const tokenizer = await tokenizerOf(options.tokenizer ?? folder, files.model)
    return await place(options, files.model, tokenizer, files.settings.positions, folder, (write) =>
      files.load(write),
    )
  } finally {
    await files.close()
  }
}

async function loadCheckpoint(checkpoint: Checkpoint, options: LoadModelOptions): Promise<LoadedModel> {
  const config = completeConfig(resolveConfig(checkpoint.state.run.config as UserConfig, checkpoint.path), {})
  const kept = join(checkpoint.path, '..', '..', 'tokenizer') // in the run folder; see lib/train/run-folder.ts
  const tokenizer = await tokenizerOf(
    options.tokenizer ?? tokenizerOrKept(config.data.tokenizer, kept),
    config.model,
  )
  if (tokenizer.fingerprint !== checkpoint.state.run.tokenizer) {
    tokenizer.dispose()
    throw new CheckpointError(
      'ERR_CHECKPOINT_MISMATCH',
      `${checkpoint.path} was trained with another tokenizer than ${tokenizer.name}. Give the one it was trained with.`,
    )
  }
  const context = config.stages.at(-1)!.context
  return place(options, config.model, tokenizer, context, checkpoint.path, (write, weights) =>
    checkpoint.load('weights', weights.table, write),
  )
}

/** `generate` for one model; each overload of the library's is one of the method's. */
function generatorOf(writer: Writer): LoadedModel['generate'] {
  return ((prompts: string, options?: GenerateOptions) =>
    generate(writer, prompts, options)) as LoadedModel['generate']
}

async function tokenizerOf(spec: string, model: ModelConfig): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(spec)
  if (tokenizer.vocabSize <= model.vocabSize) return tokenizer
  tokenizer.dispose()
  throw new ConfigError(
    `The tokenizer ${spec} has ${tokenizer.vocabSize} entries, the model only ${model.vocabSize}. Give the tokenizer it was trained with.`,
    { path: 'tokenizer' },
  )
}

async function place(
  options: LoadModelOptions,
  model: ModelConfig,
  tokenizer: Tokenizer,
  context: number,
  source: string,
  load: (
    write: (offset: number, values: Float32Array) => Promise<void>,
    weights: FlatParameters,
  ) => Promise<void>,
): Promise<LoadedModel> {
  const device = Device.create({ device: options.device ?? 'auto', threads: options.threads ?? 0 })
  try {
    const weights = allocateWeights(device, model)
    await load((offset, values) => {
      const rounded = weights.dtype === 'bf16' ? toBfloat16(values) : values
      return writeTensor(weights.range(offset, offset + values.length), rounded)
    }, weights)
    const writer: Writer = { device, model, weights, tokenizer, context }
    const dispose = () => {
      device.dispose()
      tokenizer.dispose()
    }
    return { ...writer, source, generate: generatorOf(writer), dispose }
  } catch (error) {
    device.dispose()
    tokenizer.dispose()
    throw error
  }
}
