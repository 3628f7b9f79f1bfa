// Writing text with a trained model: reading a prompt, and taking steps with one text and with eight at a time.
import { InferenceSession, type Sampling } from '../../lib/model/inference.js'
import { allocateTrainedWeights, initialiseWeights, type FlatParameters } from '../../lib/model/weights.js'
import { Device } from '../../lib/native/device.js'
import type { ModelConfig } from '../../lib/config/types.js'
import { stepConfig, type StepModel } from '../step/models.js'
import { Shared } from './shared.js'
import { timed, type AroundSpec } from './subject.js'

// Greedy: the logits of random weights are nearly equal, and ranking those costs what no trained model asks for.
const sampling: Sampling = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1, seed: 1 }
const context = 1024
const promptTokens = 768
const stepsARun = 32
const together = 8

interface Writer {
  readonly device: Device
  readonly model: ModelConfig
  readonly weights: FlatParameters
}

/** Rows of a model with random weights: what it writes does not matter, what it costs does not depend on it. */
export function generation(
  shape: StepModel,
  threads: number,
): { specs: AroundSpec[]; dispose(): Promise<void> } {
  const writer = new Shared(
    () => makeWriter(shape, threads),
    ({ device }) => device.dispose(),
  )
  const row = { threads, follows: 'compute', unit: 'tokens' } as const
  const steps = (texts: number): AroundSpec => ({
    ...row,
    name: texts === 1 ? 'write a text' : `write ${texts} texts`,
    sizes: `${shape.name}, after ${promptTokens} tokens`,
    note: texts === 1 ? 'a token a step; every weight is read for it' : 'a token of each a step',
    measure: ({ aroundRuns }) =>
      withSession(writer, texts, async (session) => {
        const slots = [...Array(texts).keys()]
        for (const slot of slots) await session.start(slot, randomIds(slot), sampling)
        return timed(aroundRuns, 1, async () => {
          for (let i = 0; i < stepsARun; i++) await session.next(slots)
          return texts * stepsARun
        })
      }),
  })
  return {
    specs: [
      {
        ...row,
        name: 'read a prompt',
        sizes: `${shape.name}, ${promptTokens} tokens`,
        note: 'in one pass, with the attention of training',
        measure: ({ aroundRuns }) =>
          withSession(writer, 1, (session) =>
            timed(aroundRuns, 1, async () => {
              await session.start(0, randomIds(0), sampling)
              return promptTokens
            }),
          ),
      },
      steps(1),
      steps(together),
    ],
    dispose: () => writer.dispose(),
  }
}

async function makeWriter(shape: StepModel, threads: number): Promise<Writer> {
  const { model } = stepConfig(shape, threads)
  const device = Device.create({ device: 'cpu', threads })
  const weights = allocateTrainedWeights(device, model)
  await initialiseWeights(device, weights, model, 1)
  return { device, model, weights: weights.compute }
}

async function withSession<T>(
  writer: Shared<Writer>,
  slots: number,
  use: (session: InferenceSession) => Promise<T>,
): Promise<T> {
  const { device, model, weights } = await writer.get()
  const session = new InferenceSession(device, model, weights, context, slots)
  try {
    return await use(session)
  } finally {
    session.dispose()
  }
}

const randomIds = (from: number) =>
  Int32Array.from({ length: promptTokens }, (_, i) => ((i + 1) * 7919 + from * 104_729) % 32_000)
