import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { parse as parseYaml, stringify } from 'yaml'
import { ConfigError } from '../errors.js'
import { environmentLayer } from './environment.js'
import { isPlainObject } from './objects.js'
import type { UserConfig } from './schema.js'
import type { RunConfig } from './types.js'

/** A part of a configuration, not checked yet. */
export type ConfigLayer = Record<string, unknown>

export interface ConfigSources {
  /** A .yaml, .yml or .json file. */
  readonly file?: string | undefined
  /** Flags of the command line, as nested keys. */
  readonly flags?: ConfigLayer | undefined
  /** Environment to read `PATCHTRAIN_…` from. */
  readonly environment?: NodeJS.ProcessEnv | undefined
}

/**
 * One configuration from all its sources: flags over environment over file. Defaults come later, in `resolveConfig`,
 * which also checks the result; nothing is checked here but that the file can be read.
 */
export function loadConfig({ file, flags = {}, environment = {} }: ConfigSources): UserConfig {
  const layers = [file === undefined ? {} : readConfigFile(file), environmentLayer(environment), flags]
  return layers.reduce(merge) as UserConfig
}

/** @throws ConfigError when the file is missing, malformed, or not a mapping */
export function readConfigFile(path: string): ConfigLayer {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (cause as Error).message
    throw new ConfigError(`Cannot read the configuration file ${path}: ${reason}.`, { cause })
  }
  let content: unknown
  try {
    content = extname(path).toLowerCase() === '.json' ? JSON.parse(text) : parseYaml(text)
  } catch (cause) {
    throw new ConfigError(`The configuration file ${path} is malformed: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (isPlainObject(content)) return content
  throw new ConfigError(
    `The configuration file ${path} holds no mapping of keys to values, but ${kind(content)}.`,
  )
}

/** Lays `upper` over `lower`: mappings key by key, everything else whole. */
function merge(lower: ConfigLayer, upper: ConfigLayer): ConfigLayer {
  const merged = { ...lower }
  for (const [key, above] of Object.entries(upper)) {
    if (above === undefined) continue
    const below = key === 'model' ? asModel(merged[key]) : merged[key]
    merged[key] = isPlainObject(below) && isPlainObject(above) ? merge(below, above) : above
  }
  return merged
}

/** `model: 5m` is short for `model: { preset: 5m }`; numbers laid over it refine the preset. */
function asModel(value: unknown): unknown {
  return typeof value === 'string' ? { preset: value } : value
}

/** The resolved configuration as a YAML file that, read back, resolves to the same values. */
export function formatConfig(config: RunConfig): string {
  return stringify(config, { lineWidth: 110, aliasDuplicateObjects: false })
}

function kind(value: unknown): string {
  return value === null || value === undefined
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : `a ${typeof value}`
}
