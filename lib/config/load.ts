import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { stringify } from 'yaml'
import { parseBoundedJson } from '../bounded-json.js'
import { ConfigError } from '../errors.js'
import { environmentLayer } from './environment.js'
import { isPlainObject } from './objects.js'
import type { UserConfig } from './schema.js'
import type { RunConfig } from './types.js'
import { parseYaml } from './yaml.js'

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

/** Longer than any configuration, even one that lists its files one by one. */
const maxBytes = 2 ** 17
const jsonBounds = { values: 2 ** 16, depth: 64 }

/** @throws ConfigError when the file is missing, malformed, or not a mapping */
export function readConfigFile(path: string): ConfigLayer {
  let text: string
  try {
    text = readText(path)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : (cause as Error).message
    throw new ConfigError(`Cannot read the configuration file ${path}: ${reason}.`, { cause })
  }
  let content: unknown
  try {
    content = extname(path).toLowerCase() === '.json' ? parseBoundedJson(text, jsonBounds) : parseYaml(text)
  } catch (cause) {
    throw new ConfigError(
      `The configuration file ${path} is malformed: ${(cause as Error).message.slice(0, 1000)}`,
      {
        cause,
      },
    )
  }
  if (isPlainObject(content)) return content
  throw new ConfigError(
    `The configuration file ${path} holds no mapping of keys to values, but ${kind(content)}.`,
  )
}

/** A run folder may come from elsewhere: a pipe in it would be waited for, a device read, for ever. */
function readText(path: string): string {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const stats = fstatSync(file)
    if (!stats.isFile())
      throw new ConfigError(`The configuration ${path} is not a regular file. Write it into one.`)
    if (stats.size > maxBytes) {
      const text = `The configuration file ${path} has ${stats.size} bytes, and at most ${maxBytes} are read. Check the path.`
      throw new ConfigError(text)
    }
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
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
