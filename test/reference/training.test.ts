import { expect, it } from 'vitest'
import { goldenIds } from '../helpers/golden-weights.js'
import { goldenTraining, goldenTrainingTensors, goldenWeights } from '../helpers/golden.js'
import { relativeError } from '../helpers/tolerance.js'
import { AdamW, trainStep } from './training.js'

it('trains as torch does in float64 through accumulation, clipping and the switch of stages', () => {
  const { model, stages, optimizer, steps, firstId } = goldenTraining
  const stored = goldenTrainingTensors()
  const weights = new Map(
    [...goldenWeights(model)].map(([name, weight]) => [name, Float64Array.from(weight)]),
  )
  let nextId = firstId
  let step = 0
  stages.forEach((stage, number) => {
    const adamw = new AdamW(optimizer)
    for (let i = 0; i < stage.steps; i++, step++) {
      const golden = steps[step]!
      const batch = Array.from({ length: stage.batchSequences }, () => {
        const tokens = stage.context * stage.patchSize
        return goldenIds((nextId += tokens) - tokens, tokens, model.vocabSize)
      })
      const { loss, norm } = trainStep(
        model,
        weights,
        batch,
        stage.patchSize,
        adamw,
        golden.rate,
        optimizer.gradientClip,
      )
      expect(Math.abs(loss / golden.loss - 1), `loss of step ${step}`).toBeLessThan(1e-12)
      expect(Math.abs(norm / golden.norm - 1), `norm of step ${step}`).toBeLessThan(1e-12)
    }
    for (const [name, weight] of weights) {
      const expected = stored.get(`${number === 0 ? 'switch' : 'final'}.${name}`)!.data
      expect(relativeError(weight, expected), `${name} after stage ${number}`).toBeLessThan(2 ** -24)
    }
  })
})
