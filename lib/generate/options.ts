import { ConfigError, nearest } from '../errors.js'
import type { Sampling } from '../model/inference.js'

export interface GenerateOptions extends Partial<Sampling> {
  /** Tokens to write at most. */
  readonly maxTokens?: number
  /** The text ends before the first of these that it would contain. */
  readonly stop?: string | readonly string[]
  /** Of several prompts: how many are written at a time. */
  readonly batchSize?: number
  readonly signal?: AbortSignal | undefined
}

export const generateDefaults = {
  maxTokens: 256,
  temperature: 0.8,
  topK: 0,
  topP: 0.95,
  repetitionPenalty: 1,
  seed: 1,
  stop: [],
  batchSize: 8,
} as const

export interface CheckedOptions {
  readonly maxTokens: number
  readonly sampling: Sampling
  readonly stop: readonly string[]
  readonly batchSize: number
  readonly signal: AbortSignal | undefined
}

/**
 * The options with their defaults. What is given must be a value: `undefined`, `null` and NaN are refused like any other
 * that makes no sense, and so is a name that means nothing here.
 * @throws {ConfigError} naming option, value and what it must be
 */
export function checkedOptions(options: GenerateOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) refuse('options', options, 'an object')
  refuseUnknown(options)
  const { signal, ...values } = options
  const merged = { ...generateDefaults, ...values }
  const { maxTokens, temperature, topK, topP, repetitionPenalty, seed, batchSize } = merged
  const between = (value: unknown, least: number, most: number) =>
    typeof value === 'number' && value >= least && value <= most
  const whole = (value: unknown, least = 0) => Number.isSafeInteger(value) && (value as number) >= least
  if (!whole(maxTokens)) refuse('maxTokens', maxTokens, 'a whole number, 0 or more')
  if (!between(temperature, 0, 100)) refuse('temperature', temperature, 'between 0 and 100')
  if (!whole(topK) || topK >= 2 ** 31) refuse('topK', topK, 'a whole number, 0 for all tokens')
  if (!between(topP, 0, 1) || topP === 0) refuse('topP', topP, 'above 0 and at most 1')
  if (!between(repetitionPenalty, 0.01, 100))
    refuse('repetitionPenalty', repetitionPenalty, 'between 0.01 and 100, 1 for none')
  if (!whole(seed)) refuse('seed', seed, 'a whole number, 0 or more')
  if (!whole(batchSize, 1)) refuse('batchSize', batchSize, 'a whole number, 1 or more')
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuse('signal', signal, 'an AbortSignal')
  return {
    ...{ maxTokens, batchSize, signal, stop: checkedStop(merged.stop) },
    sampling: { temperature, topK, topP, repetitionPenalty, seed },
  }
}

function checkedStop(stop: unknown): readonly string[] {
  const strings: unknown[] = Array.isArray(stop) ? stop : [stop]
  for (const string of strings)
    if (typeof string !== 'string' || string === '')
      refuse('stop', string, 'a text or a list of texts, none of them empty')
  return strings as string[]
}

const names = [...Object.keys(generateDefaults), 'signal']

function refuseUnknown(options: object): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown === undefined) return
  const meant = nearest(unknown, names)
  throw new ConfigError(
    `There is no option ${unknown}.${meant ? ` Did you mean ${meant}?` : ''} Known are ${names.join(', ')}.`,
    { path: unknown },
  )
}

/** @throws {ConfigError} */
export function refuse(name: string, value: unknown, needed: string): never {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  throw new ConfigError(`${name} is ${shown}; it must be ${needed}.`, { path: name })
}
