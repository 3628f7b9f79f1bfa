import { describe, expect, it } from 'vitest'
import { flatten, unflatten } from '../helpers/flat-weights.js'
import { allowedError, goldenModels, goldenModelTensors, goldenWeights } from '../helpers/golden.js'
import { runModel } from '../helpers/run-model.js'
import { supportedLevels } from '../helpers/run-op.js'
import { relativeError } from '../helpers/tolerance.js'

describe.each(goldenModels)('golden model $name', (golden) => {
  const { config, patchSize, float32Error } = golden
  const stored = goldenModelTensors(golden)
  const batch = golden.ids.map((row) => Int32Array.from(row))
  const gradientErrors = Object.values(float32Error.gradients)

  it.each(supportedLevels())(
    'has the loss, logits and every gradient of transformers, on %s',
    async (level) => {
      const run = await runModel(config, flatten(config, goldenWeights(config)), [batch], patchSize, {
        level,
      })
      expect(Math.abs(run.loss / golden.loss - 1)).toBeLessThan(1e-6)
      expect(Math.abs(run.evaluationLoss / golden.loss - 1)).toBeLessThan(1e-6)
      expect(relativeError(run.logits, stored.get('logits')!.data)).toBeLessThan(2 * float32Error.logits)
      for (const [name, gradient] of unflatten(config, run.gradient)) {
        const error = relativeError(gradient, stored.get(`gradient.${name}`)!.data)
        expect(error, name).toBeLessThan(allowedError(gradientErrors))
      }
    },
  )
})
