import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ModelConfig } from '../../lib/config/types.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { exportGguf } from '../../lib/export/gguf/export-gguf.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { readerOf } from '../checkpoint/fixture.js'
import { flatten } from '../helpers/flat-weights.js'
import { goldenIds } from '../helpers/golden-weights.js'
import { goldenWeights } from '../helpers/golden.js'
import { runModel } from '../helpers/run-model.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Run only where a Python with the gguf package and a folder with node-llama-cpp are named; see test/oracle/README.md. */
const python = process.env['PATCHTRAIN_ORACLE']
const packages = process.env['PATCHTRAIN_LLAMA_CPP']
const script = (name: string) => fileURLToPath(new URL(`../oracle/${name}`, import.meta.url))
const run = promisify(execFile)

const types = ['f32', 'f16', 'bf16', 'q8_0'] as const
const plain = fileURLToPath(new URL('../data/golden/tokenizer/plain.model', import.meta.url))
const shape = { width: 64, feedForward: 96, layers: 2, heads: 4, headDim: 16, initStd: 0.02 }
const models: {
  name: string
  tokenizer: string
  model: Omit<ModelConfig, 'vocabSize'>
  vocabulary: number
}[] = [
  {
    ...{ name: 'bytes, grouped queries, a padded vocabulary', tokenizer: 'bytes', vocabulary: 264 },
    model: { ...shape, kvHeads: 2, ropeTheta: 10_000, normEpsilon: 1e-5, tiedHead: false },
  },
  {
    ...{ name: 'sentencepiece, heads that are not C/H wide, tied', tokenizer: plain, vocabulary: 0 },
    model: { ...shape, kvHeads: 4, headDim: 32, ropeTheta: 5e5, normEpsilon: 1e-6, tiedHead: true },
  },
]

interface Answer {
  readonly tokenized: number[][]
  readonly logProbabilities: number[][]
  readonly metadata: Record<string, unknown>
  readonly tensors: { name: string; shape: number[] }[]
}

const texts = [
  'Hello world',
  'ROMEO:\n  What  light\tthrough yönder 🙂 window breaks?',
  ' a',
  '\n\n1234567',
  '<s>',
]

/**
 * Half a unit in the last place of 1 of what the products are made of: llama.cpp rounds activations to the type of the
 * weights, too. The rule is the floor of helpers/tolerance.ts with it; no sum is longer than the feed-forward width.
 */
const unit = { f32: 2 ** -24, f16: 2 ** -11, bf16: 2 ** -8, q8_0: 0.5 / 127 }
const allowed = (type: (typeof types)[number]) => 4 * unit[type] * Math.sqrt(shape.feedForward)

async function made(spec: (typeof models)[number], type: (typeof types)[number]) {
  const folder = temporaryFolder()
  const tokenizer = await loadTokenizer(spec.tokenizer)
  const model = { ...spec.model, vocabSize: Math.max(spec.vocabulary, tokenizer.vocabSize) }
  const flat = flatten(model, goldenWeights(model))
  const settings = { positions: 64, bosId: tokenizer.bosId, eosId: tokenizer.eosId }
  const common = { model, settings, weights: readerOf(flat), tokenizerFiles: await tokenizer.files() }
  const file = join(folder, 'model.gguf')
  await exportGguf({ ...common, file, type })
  return { folder, file, tokenizer, model, flat, common }
}

describe.skipIf(!python)('the gguf package', { timeout: 120_000 }, () => {
  describe.each(models)('reads a file with $name', (spec) => {
    it.each(types)('in %s: the weights are those of the Hugging Face folder', async (type) => {
      const { folder, file, common } = await made(spec, type)
      await exportHuggingFace({ ...common, folder: join(folder, 'model') })
      const { stdout } = await run(python!, [script('check-gguf.py'), file, join(folder, 'model')])
      expect(stdout).toContain('largest difference')
    })
  })
})

describe.skipIf(!packages)('llama.cpp and @huggingface/gguf', { timeout: 120_000 }, () => {
  describe.each(models)('load a file with $name', (spec) => {
    it.each(types)('in %s: tokens and probabilities are ours', async (type) => {
      const { folder, file, tokenizer, model, flat } = await made(spec, type)
      const ids = goldenIds(0, 48, model.vocabSize)
      await writeFile(join(folder, 'request.json'), JSON.stringify({ texts, ids: [...ids] }))
      const { stdout } = await run(
        process.execPath,
        [script('check-gguf.mjs'), packages!, file, join(folder, 'request.json')],
        { maxBuffer: 1 << 28 },
      )
      const answer = JSON.parse(stdout) as Answer
      expect(answer.metadata).toMatchObject({ version: 3, 'llama.rope.freq_base': model.ropeTheta })
      expect(answer.tensors.find(({ name }) => name === 'token_embd.weight')!.shape).toEqual([
        64,
        model.vocabSize,
      ])
      expect(answer.tokenized).toEqual(texts.map((text) => [...tokenizer.encode(text)]))

      const { logits } = await runModel(model, flat, [[ids]], 1)
      const V = model.vocabSize
      let [largest, error, ours, theirs] = [0, 0, 0, 0]
      answer.logProbabilities.forEach((row, t) => {
        const z = logits.subarray(t * V, (t + 1) * V)
        const top = Math.max(...z)
        const lse = top + Math.log(z.reduce((sum, value) => sum + Math.exp(value - top), 0))
        row.forEach((logProbability, id) => {
          largest = Math.max(largest, Math.abs(z[id]!))
          error = Math.max(error, Math.abs(z[id]! - lse - logProbability))
        })
        if (t + 1 < ids.length) {
          ours -= (z[ids[t + 1]!]! - lse) / (ids.length - 1)
          theirs -= row[ids[t + 1]!]! / (ids.length - 1)
        }
      })
      const relative = error / largest
      console.log(
        `${spec.name}, ${type}: log-probabilities differ by ${relative.toExponential(1)} of the largest logit ` +
          `(allowed ${allowed(type).toExponential(1)}), perplexity ${Math.exp(theirs).toFixed(3)} against ${Math.exp(ours).toFixed(3)}`,
      )
      expect(relative).toBeLessThanOrEqual(allowed(type))
      expect(Math.abs(theirs - ours) / largest).toBeLessThanOrEqual(allowed(type))
      tokenizer.dispose()
    })
  })
})

describe.skipIf(!packages || !python)('llama.cpp', { timeout: 120_000 }, () => {
  it('cuts text as the byte-level tokenizers do whose way of cutting we can name', async () => {
    const folder = temporaryFolder()
    await run(python!, [script('make-byte-level.py'), 'data/tinyshakespeare.txt', folder])
    const trained = JSON.parse(await readFile(join(folder, 'ids.json'), 'utf8')) as {
      texts: string[]
      ids: Record<string, number[][]>
    }
    const request = join(folder, 'request.json')
    await writeFile(request, JSON.stringify({ texts: trained.texts, ids: [0] }))
    const model: ModelConfig = { ...models[0]!.model, vocabSize: 600 }
    for (const [name, ids] of Object.entries(trained.ids)) {
      const file = join(folder, `${name}.gguf`)
      await exportGguf({
        ...{ file, model, settings: { positions: 64, bosId: 0, eosId: 0 } },
        weights: readerOf(flatten(model, goldenWeights(model))),
        tokenizerFiles: [{ name: 'tokenizer.json', data: await readFile(join(folder, `${name}.json`)) }],
      })
      const { stdout } = await run(process.execPath, [script('check-gguf.mjs'), packages!, file, request], {
        maxBuffer: 1 << 28,
      })
      const answer = JSON.parse(stdout) as Answer
      expect(answer.metadata['tokenizer.ggml.pre']).toBe(name)
      expect(answer.tokenized, name).toEqual(ids)
    }
  })
})
