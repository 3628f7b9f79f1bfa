import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { toFloat32 } from '../../lib/checkpoint/dtype.js'
import { bytesOf } from '../../lib/checkpoint/region.js'
import type { ModelConfig } from '../../lib/config/types.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { huggingFaceTensors } from '../../lib/export/names.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { encodeWeights, weightType, type ExportDtype } from '../../lib/export/weight-types.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, readerOf, tinyModel, writerOf } from '../checkpoint/fixture.js'
import { ContinuedModel } from '../helpers/continued.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Runs only where a Python with transformers is named; see test/oracle/README.md. */
const python = process.env['PATCHTRAIN_ORACLE']
const oracle = (name: string) => fileURLToPath(new URL(`../oracle/${name}`, import.meta.url))
const script = oracle('check-folder.py')

async function ask(...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(python!, [script, ...args])
  return JSON.parse(stdout)
}

/** What the script prints for these weights. */
function hashes(model: ModelConfig, region: Float32Array): Record<string, string> {
  return Object.fromEntries(
    huggingFaceTensors(model, parameterTable(model)).map(({ name, offset, size }) => {
      const bytes = bytesOf(region.subarray(offset, offset + size))
      return [name, createHash('sha256').update(bytes).digest('hex')]
    }),
  )
}

/** The arguments of LlamaConfig that make this model. */
function llamaConfig(model: ModelConfig): string {
  return JSON.stringify({
    vocab_size: model.vocabSize,
    hidden_size: model.width,
    intermediate_size: model.feedForward,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    num_key_value_heads: model.kvHeads,
    head_dim: model.headDim,
    rms_norm_eps: model.normEpsilon,
    rope_parameters: { rope_type: 'default', rope_theta: model.ropeTheta },
    tie_word_embeddings: model.tiedHead,
    initializer_range: model.initStd,
    max_position_embeddings: 64,
    bos_token_id: 1,
    eos_token_id: 2,
  })
}

const base: ModelConfig = { ...tinyModel, ropeTheta: 5e5, initStd: 0.1 }
const tied: ModelConfig = { ...base, tiedHead: true }
const square: ModelConfig = { ...base, width: 8, heads: 2, kvHeads: 2 }

describe.skipIf(!python)('transformers', { timeout: 120_000 }, () => {
  test.each<[string, ModelConfig, ExportDtype, number | undefined]>([
    ['grouped queries', base, 'f32', undefined],
    ['a tied head', tied, 'f32', 100],
    ['heads as wide as the model', square, 'bf16', 500],
    ['half the bits', square, 'f16', undefined],
  ])('loads an exported model with %s, every bit and setting', async (_, model, dtype, shardBytes) => {
    const folder = join(temporaryFolder(), 'model')
    const region = filledRegion(parameterTable(model), 3)
    const settings = { positions: 64, bosId: 1, eosId: 2 }
    const shards = shardBytes === undefined ? {} : { shardBytes }
    await exportHuggingFace({ folder, model, settings, weights: readerOf(region), dtype, ...shards })
    const { safetensors } = weightType(dtype)
    const stored = toFloat32(safetensors, encodeWeights(dtype, 'all', region))
    expect(await ask('load', folder, '--config', llamaConfig(model))).toEqual(hashes(model, stored))
  })

  test.each<[string, ModelConfig, string, string]>([
    ['grouped queries in float32', base, 'float32', '50GB'],
    ['grouped queries in bfloat16', base, 'bfloat16', '50GB'],
    ['grouped queries in float16', base, 'float16', '50GB'],
    ['a tied head in shards', tied, 'float32', '1KB'],
    ['heads as wide as the model in shards', square, 'bfloat16', '1KB'],
  ])('saves a model with %s that is read with every bit', async (_, model, dtype, shard) => {
    const folder = temporaryFolder()
    const saved = await ask(
      'save',
      folder,
      '--config',
      llamaConfig(model),
      '--dtype',
      dtype,
      '--shard',
      shard,
    )
    const files = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'))
    expect(files.length > 1).toBe(shard === '1KB')

    const source = await HuggingFaceModel.open(folder)
    expect(source.model).toEqual(model)
    const region = new Float32Array(parameterTable(model).size)
    await source.load(writerOf(region))
    await source.close()
    expect(hashes(model, region)).toEqual(saved)
  })
})

describe.skipIf(!python)('a folder that transformers wrote', { timeout: 600_000 }, () => {
  let cases: ContinuedModel[] = []

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'patchtrain-'))
    await promisify(execFile)(python!, [oracle('check-import.py'), folder])
    cases = (await readdir(folder)).map((name) => new ContinuedModel(join(folder, name)))
    return () => rmSync(folder, { recursive: true })
  }, 600_000)

  test('gives its logits here, whatever its shape and files', async () => {
    expect(cases.length).toBeGreaterThan(4)
    for (const model of cases) {
      const { error, allowed } = await model.logits()
      expect(error, model.folder).toBeLessThan(allowed)
      expect(error, model.folder).toBeLessThan(1e-5)
    }
  })

  test.each([1, 4])('trains on here with K = %i as with torch, step by step', async (patchSize) => {
    for (const model of cases) await model.expectTraining(patchSize)
  })

  test('that was ours before has our tokenizer', async () => {
    for (const spec of [
      'bytes',
      fileURLToPath(new URL('../data/golden/tokenizer/plain.model', import.meta.url)),
    ]) {
      const tokenizer = await loadTokenizer(spec)
      const ours = temporaryFolder()
      for (const { name, data } of await tokenizer.files()) await writeFile(join(ours, name), data)
      const theirs = temporaryFolder()
      await ask('tokenizer', ours, '--to', theirs)
      const back = await loadTokenizer(theirs)
      expect(back.fingerprint).toBe(tokenizer.fingerprint)
      tokenizer.dispose()
      back.dispose()
    }
  })
})
