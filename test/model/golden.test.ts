import { describe, expect, it } from 'vitest'
import { flatten, unflatten } from '../helpers/flat-weights.js'
import { goldenModels, goldenModelTensors, goldenWeights } from '../helpers/golden.js'
import { runModel } from '../helpers/run-model.js'
import { relativeError } from '../helpers/tolerance.js'

describe.each(goldenModels)('golden model $name', (golden) => {
  const { config, patchSize, float32Error } = golden
  const stored = goldenModelTensors(golden)
  const batch = golden.ids.map((row) => Int32Array.from(row))
  // The rule of tolerance.ts with transformers in float32 as the naive form.
  const allowed = (naive: number) => Math.max(2 * naive, 4 * 2 ** -24)

  it('has the loss, the logits and every gradient of transformers, as near as its own float32 run', async () => {
    const run = await runModel(config, flatten(config, goldenWeights(config)), [batch], patchSize)
    expect(Math.abs(run.loss / golden.loss - 1)).toBeLessThan(allowed(float32Error.loss))
    expect(Math.abs(run.evaluationLoss / golden.loss - 1)).toBeLessThan(allowed(float32Error.loss))
    expect(relativeError(run.logits, stored.get('logits')!.data)).toBeLessThan(allowed(float32Error.logits))
    for (const [name, gradient] of unflatten(config, run.gradient)) {
      const error = relativeError(gradient, stored.get(`gradient.${name}`)!.data)
      expect(error, name).toBeLessThan(allowed(float32Error.gradients[name]!))
    }
  })
})
