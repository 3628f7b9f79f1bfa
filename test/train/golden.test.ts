import { expect, it } from 'vitest'
import type { RunConfig } from '../../lib/config/types.js'
import { Device } from '../../lib/native/device.js'
import { learningRateAt } from '../../lib/optim/schedule.js'
import { readTensor, writeTensor } from '../../lib/tensor/tensor.js'
import { Engine } from '../../lib/train/engine.js'
import { flatten, unflatten } from '../helpers/flat-weights.js'
import { goldenIds } from '../helpers/golden-weights.js'
import { allowedError, goldenTraining, goldenTrainingTensors, goldenWeights } from '../helpers/golden.js'
import { relativeError } from '../helpers/tolerance.js'

const { model, stages, optimizer, steps, firstId, float32Error } = goldenTraining

const config: RunConfig = {
  name: 'golden training',
  model,
  stages,
  optimizer,
  recompute: 'none',
  data: {
    train: [],
    validation: [],
    validationFraction: 0,
    tokenizer: 'bytes',
    textField: 'text',
    cache: '',
  },
  seed: 0,
  device: 'cpu',
  threads: 0,
  out: '',
  checkpoint: { everySteps: 0, keep: 2, keepEvery: 0, keepBest: false },
  health: { nonFinite: 'stop', spike: 'record', spikeDeviations: 6, window: 128, budget: 10 },
  evaluation: { everySteps: 0, maxTokens: 0 },
  tasks: { names: [], data: '', everySteps: 0, limit: 0 },
  sample: { everySteps: 0, prompt: '', tokens: 0 },
}

it('ten steps of torch: accumulation, clipping, AdamW, cosine with warm-up, and a switch of stages in the middle', async () => {
  using device = Device.create({ device: 'cpu' })
  const engine = new Engine(device, config)
  await writeTensor(engine.weights.master.all(), flatten(model, goldenWeights(model)))
  const stored = goldenTrainingTensors()
  let nextId = firstId
  let step = 0
  for (const [index, stage] of stages.entries()) {
    const tokens = stage.microBatchSequences * stage.context * stage.patchSize
    const nextBatch = () => Promise.resolve(goldenIds((nextId += tokens) - tokens, tokens, model.vocabSize))
    await engine.optimizer.reset()
    for (let stageStep = 0; stageStep < stage.steps; stageStep++, step++) {
      const rate = learningRateAt(stage.learningRate, stageStep, stage.steps)
      const { loss, gradientNorm, applied } = await engine.step(index, nextBatch, rate, stageStep + 1)
      expect(applied).toBe(true)
      expect(rate).toBe(steps[step]!.rate)
      expect(Math.abs(loss / steps[step]!.loss - 1), `loss, step ${step}`).toBeLessThan(1e-6)
      const norms = float32Error.steps.map(({ norm }) => norm)
      expect(Math.abs(gradientNorm / steps[step]!.norm - 1), `norm, step ${step}`).toBeLessThan(
        allowedError(norms),
      )
    }
    const moment = index === 0 ? 'switch' : 'final'
    const errors = Object.values(float32Error[moment])
    for (const [name, weight] of unflatten(
      model,
      await readTensor({ ...engine.weights.master.all(), dtype: 'f32' }),
    )) {
      const error = relativeError(weight, stored.get(`${moment}.${name}`)!.data)
      expect(error, `${name} at the ${moment}`).toBeLessThan(allowedError(errors))
    }
  }
})
