import { ConfigError } from '../errors.js'
import { isPlainObject } from './objects.js'

/** Settings that belong to the host rather than to the experiment, and so may come from the environment. */
export const environmentVariables = {
  PATCHTRAIN_DEVICE: { path: ['device'], type: 'string', meaning: 'auto, cpu, cuda or cuda:1' },
  PATCHTRAIN_THREADS: {
    path: ['threads'],
    type: 'number',
    meaning: 'threads of the CPU backend; 0: all allowed',
  },
  PATCHTRAIN_OUT: { path: ['out'], type: 'string', meaning: 'the run folder' },
  PATCHTRAIN_CACHE: { path: ['data', 'cache'], type: 'string', meaning: 'folder for token shards' },
} as const

/** The part of the configuration that the environment sets. Other variables are none of ours. */
export function environmentLayer(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  const layer: Record<string, unknown> = {}
  for (const [name, { path, type }] of Object.entries(environmentVariables)) {
    const text = environment[name]
    if (text === undefined || text === '') continue
    setAt(layer, path, type === 'number' ? toNumber(name, text) : text)
  }
  return layer
}

/** Sets a nested key, making the objects on the way. A model that is written as its preset's name becomes one, too. */
export function setAt(layer: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let object = layer
  for (const key of path.slice(0, -1)) {
    const below = key === 'model' && typeof object[key] === 'string' ? { preset: object[key] } : object[key]
    const next = isPlainObject(below) ? below : {}
    object[key] = next
    object = next
  }
  object[path.at(-1)!] = value
}

function toNumber(name: string, text: string): number {
  const value = Number(text)
  if (Number.isFinite(value)) return value
  throw new ConfigError(`The environment variable ${name} is '${text}', not a number.`, { path: name })
}
