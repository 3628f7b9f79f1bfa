import { ConfigError, nearest } from '../errors.js'
import { divisors } from './divisors.js'
import type { DraftModel } from './draft.js'
import { importedModel } from './imported-model.js'
import { largestHeadDim } from './limits.js'
import { given } from './objects.js'
import { defaultFeedForward, modelDefaults, presets } from './presets.js'
import type { ParsedModel } from './schema.js'

/**
 * The decoder's shape: a preset, or the numbers, or a preset with some numbers replaced, or that of a model folder
 * (`from`) whose weights training goes on from.
 */
export function resolveModel(written: ParsedModel): DraftModel {
  const { from, ...own } = written
  return from === undefined ? resolveShape(own) : { from, ...resolveShape(importedModel(from, own)) }
}

function resolveShape(written: Omit<ParsedModel, 'from'>): DraftModel {
  const { preset, ...numbers } = written
  const base = preset === undefined ? {} : findPreset(preset)
  const named: Partial<DraftModel> = { ...base, ...given(numbers) }

  const width = required(named, 'width')
  const layers = required(named, 'layers')
  const heads = required(named, 'heads')
  const kvHeads = named.kvHeads ?? heads
  const headDim = named.headDim ?? width / heads

  if (heads % kvHeads !== 0) {
    throw new ConfigError(
      `${heads} query heads cannot share ${kvHeads} key/value heads evenly. ` +
        `kvHeads must divide heads: ${divisors(heads).join(', ')}.`,
      { path: 'model.kvHeads' },
    )
  }
  if (!Number.isInteger(headDim)) {
    throw new ConfigError(
      `width ${width} is not divisible by ${heads} heads. Change one of them, or set headDim.`,
      { path: 'model.heads' },
    )
  }
  if (headDim % 2 !== 0) {
    throw new ConfigError(
      `headDim is ${headDim}; rotary positions turn pairs of numbers and need an even one. ` +
        `Use ${headDim + 1}, or other heads.`,
      { path: 'model.headDim' },
    )
  }
  if (headDim > largestHeadDim) {
    throw new ConfigError(
      `headDim is ${headDim}; attention supports up to ${largestHeadDim}. Use more heads.`,
      { path: 'model.headDim' },
    )
  }
  return {
    vocabSize: named.vocabSize,
    width,
    feedForward: named.feedForward ?? defaultFeedForward(width),
    layers,
    heads,
    kvHeads,
    headDim,
    ropeTheta: named.ropeTheta ?? modelDefaults.ropeTheta,
    normEpsilon: named.normEpsilon ?? modelDefaults.normEpsilon,
    tiedHead: named.tiedHead ?? modelDefaults.tiedHead,
    initStd: named.initStd ?? modelDefaults.initStd,
  }
}

function findPreset(name: string) {
  const key = name.toLowerCase()
  if (Object.hasOwn(presets, key)) return presets[key]
  const known = Object.keys(presets)
  const meant = nearest(name, known)
  throw new ConfigError(
    `There is no model preset '${name}'. ${meant ? `Did you mean '${meant}'? ` : ''}Presets: ${known.join(', ')}.`,
    { path: 'model' },
  )
}

function required(model: Partial<DraftModel>, key: 'width' | 'layers' | 'heads'): number {
  const value = model[key]
  if (value !== undefined) return value
  throw new ConfigError(
    `model.${key} is missing. Name a preset (${Object.keys(presets).join(', ')}), or give width, layers and heads.`,
    { path: `model.${key}` },
  )
}
