import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../errors.js'
import { parseFolderConfig } from './huggingface.js'
import { given } from './objects.js'
import { modelDefaults } from './presets.js'
import type { ParsedModel } from './schema.js'
import type { ModelConfig } from './types.js'

const maxConfigBytes = 1 << 20

/**
 * The shape of the model in `from`, a folder in Hugging Face form. Values that are written beside `from` must be the
 * folder's. When all of them are, as in the configuration that a run keeps, the folder is not looked at: a run goes on
 * from its own checkpoints, wherever the folder has gone.
 *
 * @throws {ConfigError} when there is no such folder, or a value contradicts it
 * @throws {CheckpointError} when its model is none that we can compute
 */
export function importedModel(from: string, written: Omit<ParsedModel, 'from'>): ModelConfig {
  const { preset, ...values } = written
  if (preset !== undefined)
    throw new ConfigError(
      `The model comes from ${from} with all its values, so the preset '${preset}' has no place. Keep one of them.`,
      { path: 'model.preset' },
    )
  const numbers = given(values)
  if (isWhole(numbers)) return numbers
  const folder = readFolderConfig(from)
  for (const [key, value] of Object.entries(numbers)) {
    const found = folder[key as keyof ModelConfig]
    if (found === value) continue
    throw new ConfigError(
      `model.${key} is ${value}, but the model in ${from} has ${found}. Leave it out: model.from gives every value.`,
      { path: `model.${key}` },
    )
  }
  return folder
}

const keys: readonly (keyof ModelConfig)[] = [
  'vocabSize',
  'width',
  'feedForward',
  'layers',
  'heads',
  'kvHeads',
  'headDim',
  'ropeTheta',
  'normEpsilon',
  'tiedHead',
  'initStd',
]

function isWhole(values: Partial<ModelConfig>): values is ModelConfig {
  return keys.every((key) => values[key] !== undefined)
}

function readFolderConfig(from: string): ModelConfig {
  const path = join(from, 'config.json')
  const missing = (reason: string, cause?: unknown) =>
    new ConfigError(
      `model.from is ${from}, ${reason}. Give a folder with config.json and model.safetensors.`,
      { path: 'model.from', cause },
    )
  if (!existsSync(path))
    throw missing(existsSync(from) ? 'which holds no config.json' : 'which does not exist')
  const stats = statSync(path)
  if (!stats.isFile() || stats.size > maxConfigBytes)
    throw missing('whose config.json is no file of a plausible size')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw missing(`whose config.json cannot be read (${(cause as Error).message})`, cause)
  }
  const { model } = parseFolderConfig(path, text)
  // Only drawing weights needs it, and nothing is drawn here; a 0 would be refused where the configuration is read again.
  return { ...model, initStd: model.initStd || modelDefaults.initStd }
}
