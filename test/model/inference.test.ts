import { describe, expect, it } from 'vitest'
import { InferenceSession, type Sampling } from '../../lib/model/inference.js'
import { passLayout, recordStep, type SequenceState } from '../../lib/model/inference-pass.js'
import { ropeTables } from '../../lib/model/rope.js'
import { Buffers, LayoutBuilder } from '../../lib/tensor/layout.js'
import { readTensor, writeTensor } from '../../lib/tensor/tensor.js'
import type { Writer } from '../../lib/generate/generate.js'
import { normals } from '../helpers/random-data.js'
import { tinyWriter } from '../helpers/tiny-writer.js'

const greedy: Sampling = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1, seed: 1 }
const capacity = 16

/** The logits that a step gives each of these sequences, whose caches hold random numbers of their own. */
async function stepLogits({ device, model, weights }: Writer, sequences: readonly number[]) {
  const { headDim, kvHeads, layers } = model
  const states: (SequenceState & { sampling: Sampling })[] = []
  for (const sequence of sequences) {
    const layout = new LayoutBuilder(device.compute)
      .add('position', 'i32', 1)
      .add('counter', 'i32', 1)
      .add('token', 'i32', 1)
    for (let l = 0; l < layers; l++) layout.add(`layers.${l}`, 'f32', 2, capacity, kvHeads * headDim)
    const cache = Buffers.allocate(device, layout.build(), 'sequence')
    for (let l = 0; l < layers; l++)
      await writeTensor(
        cache.get(`layers.${l}`),
        normals(2 * capacity * kvHeads * headDim, 10 * sequence + l),
      )
    await writeTensor(cache.get('position'), Int32Array.of(3 + sequence))
    const [position, counter, token] = [cache.get('position'), cache.get('counter'), cache.get('token')]
    states.push({ cache, position, counter, token, seen: undefined, sampling: greedy })
  }
  const half = headDim / 2
  const rope = new LayoutBuilder(device.compute)
    .add('cos', 'f32', capacity, half)
    .add('sin', 'f32', capacity, half)
  const tables = Buffers.allocate(device, rope.build(), 'rope')
  const { cos, sin } = ropeTables(model, capacity)
  await writeTensor(tables.get('cos'), cos)
  await writeTensor(tables.get('sin'), sin)
  const buffers = Buffers.allocate(device, passLayout(device, model, states.length, true), 'pass')
  const context = { device, model, weights, cos: tables.get('cos'), sin: tables.get('sin') }
  const plan = recordStep(context, buffers, states)
  await writeTensor(
    buffers.get('ids'),
    Int32Array.from(sequences, (sequence) => 65 + sequence),
  )
  await plan.run()
  const rows: Float32Array[] = []
  for (let group = 0; buffers.has(`logits.${group}`); group++) {
    const logits = await readTensor({ ...buffers.get(`logits.${group}`), dtype: 'f32' as const })
    for (let at = 0; at < logits.length; at += model.vocabSize)
      rows.push(logits.slice(at, at + model.vocabSize))
  }
  return rows
}

describe('a step', () => {
  it('gives every sequence on the CPU the bits it gets alone, whatever stands beside it', async () => {
    const writer = await tinyWriter()
    const alone: Float32Array[] = []
    for (const sequence of [0, 1, 2, 3, 4, 5, 6, 7, 8]) alone.push(...(await stepLogits(writer, [sequence])))
    for (const together of [
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
      [5, 2],
      [8, 7, 6, 5, 4],
    ])
      expect(await stepLogits(writer, together)).toEqual(together.map((sequence) => alone[sequence]))
  })
})

describe('an inference session', () => {
  async function tokens(session: InferenceSession, count: number): Promise<number[]> {
    const drawn: number[] = []
    while (drawn.length < count) drawn.push(...(await session.next([0])))
    return drawn
  }

  it('forgets the oldest half when the context is full, and goes on from the rest', async () => {
    const { device, model, weights } = await tinyWriter()
    const session = new InferenceSession(device, model, weights, 8)
    await session.start(0, [1, 2, 3, 4, 5, 6, 7], greedy)
    const before = await tokens(session, 2) // the context is full with the second
    const after = await tokens(session, 3)
    await session.start(0, [...[1, 2, 3, 4, 5, 6, 7], ...before].slice(-4), greedy)
    expect(await tokens(session, 3)).toEqual(after)
    session.dispose()
  })

  it('reads on from what it holds of a text, and from the start when asked to', async () => {
    const { device, model, weights } = await tinyWriter()
    const session = new InferenceSession(device, model, weights, 64)
    const text = Array.from({ length: 50 }, (_, i) => (i * 37) % 250)
    const fresh = []
    for (const length of [50, 20, 45, 1]) {
      await session.start(0, text.slice(0, length), greedy)
      fresh.push(await tokens(session, 3))
    }
    for (const [i, length] of [50, 20, 45, 1].entries()) {
      await session.start(0, text.slice(0, length), greedy, true)
      expect(await tokens(session, 3), `of ${length}`).toEqual(fresh[i])
    }
    session.dispose()
  })
})
