import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { goldenIds } from '../helpers/golden-weights.js'
import {
  describeShape,
  goldenBatch,
  goldenDirection,
  goldenModels,
  goldenModelTensors,
  goldenShapes,
  goldenWeights,
  weightNames,
} from '../helpers/golden.js'
import { relativeError } from '../helpers/tolerance.js'
import { batchGradient } from './llama-gradient.js'
import { batchLoss, forward } from './llama.js'
import { slopeByDifferences } from './slope.js'

describe.each(goldenModels.map((golden, number) => ({ ...golden, number })))('reference, $name', (golden) => {
  const { config, ids, patchSize } = golden
  const weights = goldenWeights(config)
  const stored = goldenModelTensors(golden)

  it('draws the weights and ids that Python drew, bit for bit', () => {
    expect(weightNames(config)).toEqual(golden.weightNames)
    const hash = createHash('sha256')
    for (const weight of weights.values()) hash.update(weight)
    expect(hash.digest('hex')).toBe(golden.weightsSha256)
    expect([...goldenIds(1000 * golden.number, ids.flat().length, config.vocabSize)]).toEqual(ids.flat())
  })

  it('gives the loss and logits of transformers in float64', () => {
    const logits = ids.flatMap((row) =>
      forward(config, weights, row, patchSize).logits.flatMap((z) => [...z]),
    )
    expect(relativeError(logits, stored.get('logits')!.data)).toBeLessThan(1e-13)
    expect(Math.abs(batchLoss(config, weights, ids, patchSize) / golden.loss - 1)).toBeLessThan(1e-13)
  })

  it('gives every gradient of transformers, to the rounding of the stored float32', () => {
    const { loss, gradients } = batchGradient(config, weights, ids, patchSize)
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-13)
    expect([...gradients.keys()]).toEqual(golden.weightNames)
    for (const [name, gradient] of gradients) {
      expect(relativeError(gradient, stored.get(`gradient.${name}`)!.data), name).toBeLessThan(2 ** -24)
    }
  })
})

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0
  let size = 0
  for (let i = 0; i < a.length; i++) {
    sum += a[i]! * b[i]!
    size += Math.abs(a[i]! * b[i]!)
  }
  return { sum, size }
}

describe.each(goldenShapes)('reference, many shapes', (golden) => {
  it(`gives the loss and slopes of transformers in float64: ${describeShape(golden)}`, () => {
    const weights = goldenWeights(golden.config)
    const { loss, gradients } = batchGradient(golden.config, weights, goldenBatch(golden), golden.patchSize)
    expect(Math.abs(loss / golden.loss - 1)).toBeLessThan(1e-13)
    ;[...gradients].forEach(([name, gradient], i) => {
      const slope = dot(gradient, goldenDirection(name, gradient.length))
      expect(Math.abs(slope.sum - golden.slopes[i]!), name).toBeLessThan(1e-13 * slope.size)
    })
  })
})

describe('reference gradient', () => {
  it.each([1, 2, 3, 4, 8])('is the slope of the loss by central differences, K = %i', (patch) => {
    const { config } = goldenModels[patch % 2]!
    const weights = goldenWeights(config)
    const batch = [goldenIds(0, 5 * patch, config.vocabSize), goldenIds(999, 3 * patch, config.vocabSize)]
    const { gradients } = batchGradient(config, weights, batch, patch)
    for (const [name, gradient] of gradients) {
      const slope = slopeByDifferences(config, weights, batch, patch, name)
      const expected = dot(gradient, goldenDirection(name, gradient.length))
      expect(Math.abs(slope - expected.sum), name).toBeLessThan(1e-8 * expected.size)
    }
  })
})
