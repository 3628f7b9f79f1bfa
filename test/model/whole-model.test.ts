import { describe, expect, it } from 'vitest'
import { flatten, unflatten } from '../helpers/flat-weights.js'
import {
  describeShape,
  goldenBatch,
  goldenDirection,
  goldenShapes,
  goldenWeights,
  weightNames,
} from '../helpers/golden.js'
import type { GoldenShape } from '../helpers/golden.js'
import { runModel } from '../helpers/run-model.js'
import { relativeError } from '../helpers/tolerance.js'
import { batchGradient } from '../reference/llama-gradient.js'
import { slopeByDifferences } from '../reference/slope.js'

/** Half a unit in the last place of a float32 near one. */
const epsilon = 2 ** -24

/** The run against the double reference: the loss and every gradient, each by the rule of tolerance.ts. */
async function expectReference(golden: GoldenShape, microBatches: Int32Array[][]): Promise<void> {
  const { config, patchSize, float32Errors } = golden
  const weights = goldenWeights(config)
  const run = await runModel(config, flatten(config, weights), microBatches, patchSize)
  const { loss, gradients } = batchGradient(config, weights, microBatches.flat(), patchSize)
  expect(Math.abs(run.loss / loss - 1)).toBeLessThan(1e-6)
  const actual = unflatten(config, run.gradient)
  weightNames(config).forEach((name, i) => {
    const allowed = Math.max(2 * float32Errors[i]!, 4 * epsilon)
    expect(relativeError(actual.get(name)!, gradients.get(name)!), name).toBeLessThan(allowed)
  })
}

describe('the whole model equals its definition in doubles', () => {
  it.each(goldenShapes.map((golden) => ({ golden, title: describeShape(golden) })))(
    '$title',
    async ({ golden }) => {
      await expectReference(golden, [goldenBatch(golden)])
    },
  )

  const accumulated = goldenShapes.filter(({ sequences }) => sequences === 6)
  it.each(accumulated)('three micro-batches have the loss and gradient of their union', async (golden) => {
    const batch = goldenBatch(golden)
    await expectReference(golden, [batch.slice(0, 2), batch.slice(2, 4), batch.slice(4)])
  })

  const grouped = goldenShapes.filter(({ config }) => config.headDim === 64 && config.kvHeads === 2)
  it.each(grouped)(
    'the gradient is the slope of the loss by central differences, K = $patchSize',
    async (golden) => {
      const { config, patchSize, float32Errors } = golden
      const weights = goldenWeights(config)
      const batch = goldenBatch(golden)
      const run = await runModel(config, flatten(config, weights), [batch], patchSize)
      ;[...unflatten(config, run.gradient)].forEach(([name, gradient], i) => {
        const direction = goldenDirection(name, gradient.length)
        const terms = Float64Array.from(gradient, (g, j) => g * direction[j]!)
        const size = terms.reduce((sum, term) => sum + Math.abs(term), 0)
        const slope = slopeByDifferences(config, weights, batch, patchSize, name)
        const error = Math.abs(terms.reduce((a, b) => a + b, 0) - slope)
        expect(error, name).toBeLessThan(2 * float32Errors[i]! * size)
      })
    },
  )
})

describe('the whole model, bit for bit', () => {
  const golden = goldenShapes.find(({ positions }) => positions === 131)!
  const { config, patchSize } = golden
  const weights = flatten(config, goldenWeights(config))
  const batch = goldenBatch({ ...golden, sequences: 3 })
  const bytes = (data: Float32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

  it.each([2, 4, 8])('reads patches of one token %i times over as it reads the tokens', async (patch) => {
    const tokens = batch.map((row) => row.subarray(0, 9))
    const repeated = tokens.map((row) =>
      Int32Array.from({ length: 9 * patch }, (_, i) => row[Math.floor(i / patch)]!),
    )
    const ordinary = await runModel(config, weights, [tokens], 1)
    const patched = await runModel(config, weights, [repeated], patch)
    expect(bytes(patched.logits)).toEqual(bytes(ordinary.logits))
    expect(Math.abs(patched.loss / ordinary.loss - 1)).toBeLessThan(4 * epsilon) // K equal parts are added up
  })

  it('does not depend on what is recomputed, nor on the number of threads', async () => {
    const expected = await runModel(config, weights, [batch, batch], patchSize, { threads: 1 })
    for (const options of [
      { recompute: 'elementwise' as const },
      { recompute: 'layer' as const },
      { threads: 2 },
      { threads: 3 },
    ]) {
      const run = await runModel(config, weights, [batch, batch], patchSize, options)
      expect(run.loss).toBe(expected.loss)
      expect(bytes(run.gradient), JSON.stringify(options)).toEqual(bytes(expected.gradient))
      expect(bytes(run.logits)).toEqual(bytes(expected.logits))
    }
  })

  it('reads a sequence without looking ahead, or at its neighbours in the batch', async () => {
    const changed = batch.map((row) => Int32Array.from(row))
    changed[1]!.fill(0, 100 * patchSize) // the last 31 patches of the second sequence
    const a = await runModel(config, weights, [batch], patchSize)
    const b = await runModel(config, weights, [changed], patchSize)
    const rowsOf = (run: { logits: Float32Array }, from: number, to: number) =>
      bytes(run.logits.subarray(from * config.vocabSize, to * config.vocabSize))
    expect(rowsOf(b, 0, 231)).toEqual(rowsOf(a, 0, 231))
    expect(rowsOf(b, 231, 262)).not.toEqual(rowsOf(a, 231, 262))
    expect(rowsOf(b, 262, 393)).toEqual(rowsOf(a, 262, 393))
  })
})
