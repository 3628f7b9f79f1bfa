import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { completeConfig } from '../../lib/config/complete.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { ModelConfig, OptimizerConfig, RunConfig, StageConfig } from '../../lib/config/types.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { Device } from '../../lib/native/device.js'
import { learningRateAt } from '../../lib/optim/schedule.js'
import { readTensor } from '../../lib/tensor/tensor.js'
import { Engine } from '../../lib/train/engine.js'
import { writerOf } from '../checkpoint/fixture.js'
import { unflatten } from './flat-weights.js'
import { goldenIds } from './golden-weights.js'
import { allowedError } from './golden.js'
import { runModel } from './run-model.js'
import { readGoldenTensors, type StoredTensor } from './safetensors.js'
import { relativeError } from './tolerance.js'

/** What test/oracle/continued.py writes beside a model folder: what transformers computes, and how torch trains on. */
interface Expected {
  readonly positions: number
  readonly optimizer: OptimizerConfig
  readonly float32Error: { readonly logits: number }
  readonly runs: readonly {
    readonly stage: StageConfig
    readonly firstId: number
    readonly steps: readonly { readonly loss: number; readonly norm: number; readonly rate: number }[]
    readonly float32Error: {
      readonly steps: readonly { readonly loss: number; readonly norm: number }[]
      readonly final: Readonly<Record<string, number>>
    }
  }[]
}

/** A model folder that transformers wrote, with what it computes from it. */
export class ContinuedModel {
  readonly folder: string
  readonly expected: Expected
  readonly tensors: ReadonlyMap<string, StoredTensor>

  constructor(path: string) {
    this.folder = join(path, 'model')
    this.expected = JSON.parse(readFileSync(join(path, 'expected.json'), 'utf8')) as Expected
    this.tensors = readGoldenTensors(join(path, 'expected.safetensors'))
  }

  async read(): Promise<{ model: ModelConfig; weights: Float32Array }> {
    const source = await HuggingFaceModel.open(this.folder)
    const weights = new Float32Array(parameterTable(source.model).size)
    await source.load(writerOf(weights))
    await source.close()
    return { model: source.model, weights }
  }

  /** The error of our logits against transformers' in double precision, and what the rule allows. */
  async logits(): Promise<{ error: number; allowed: number }> {
    const { model, weights } = await this.read()
    const { positions, float32Error } = this.expected
    const all = goldenIds(0, 2 * positions, model.vocabSize)
    const batch = [all.subarray(0, positions), all.subarray(positions)]
    const { logits } = await runModel(model, weights, [batch], 1)
    return {
      error: relativeError(logits, this.tensors.get('logits')!.data),
      allowed: allowedError([float32Error.logits, floor(model)]),
    }
  }

  /** Trains on from the folder, and holds loss, norm and rate of each step and every weight after the last to torch's. */
  async expectTraining(patchSize: number): Promise<void> {
    const run = this.expected.runs.find(({ stage }) => stage.patchSize === patchSize)!
    const { stage, steps, float32Error } = run
    const config = this.#config(stage)
    const { model } = config
    using device = Device.create({ device: 'cpu' })
    const engine = new Engine(device, config)
    await engine.initialise()
    await engine.optimizer.reset()
    const tokens = stage.microBatchSequences * stage.context * patchSize
    let nextId = run.firstId
    const nextBatch = () => Promise.resolve(goldenIds((nextId += tokens) - tokens, tokens, model.vocabSize))
    const allowed = (errors: readonly number[]) => allowedError([...errors, floor(model)])
    const losses = allowed(float32Error.steps.map(({ loss }) => loss))
    const norms = allowed(float32Error.steps.map(({ norm }) => norm))
    for (const [index, { loss, norm, rate }] of steps.entries()) {
      expect(learningRateAt(stage.learningRate, index, stage.steps)).toBe(rate)
      const found = await engine.step(0, nextBatch, rate, index + 1)
      expect(Math.abs(found.loss / loss - 1), `loss of step ${index + 1}`).toBeLessThan(losses)
      expect(Math.abs(found.gradientNorm / norm - 1), `norm of step ${index + 1}`).toBeLessThan(norms)
    }
    const weights = await readTensor({ ...engine.weights.master.all(), dtype: 'f32' })
    const finals = allowed(Object.values(float32Error.final))
    for (const [name, weight] of unflatten(model, weights)) {
      const theirs = this.tensors.get(`final.${patchSize}.${name}`)!.data
      expect(relativeError(weight, theirs), `${name} after ${steps.length} steps`).toBeLessThan(finals)
    }
  }

  #config(stage: StageConfig): RunConfig {
    const draft = resolveConfig({
      model: { from: this.folder },
      data: { train: 'none.txt' },
      stages: [stage],
      optimizer: this.expected.optimizer,
      device: 'cpu',
    })
    return completeConfig(draft, {})
  }
}

/** Of the tolerance rule: a few roundings in the longest sum, for results whose naive form happens to be nearly exact. */
function floor(model: ModelConfig): number {
  return 2 ** -23 * Math.sqrt(Math.max(model.vocabSize, model.feedForward))
}
