import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { toBfloat16, toFloat32 } from '../../lib/checkpoint/dtype.js'
import { bytesOf } from '../../lib/checkpoint/region.js'
import type { ModelConfig } from '../../lib/config/types.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { huggingFaceTensors } from '../../lib/export/names.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, readerOf, tinyModel, writerOf } from '../checkpoint/fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Runs only where a Python with transformers is named; see test/oracle/README.md. */
const python = process.env['PATCHTRAIN_ORACLE']
const script = fileURLToPath(new URL('../oracle/check-folder.py', import.meta.url))

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
  test.each<[string, ModelConfig, 'f32' | 'bf16']>([
    ['grouped queries', base, 'f32'],
    ['a tied head', tied, 'f32'],
    ['heads as wide as the model', square, 'bf16'],
  ])('loads an exported model with %s, every bit and setting', async (_, model, dtype) => {
    const folder = join(temporaryFolder(), 'model')
    const region = filledRegion(parameterTable(model), 3)
    const settings = { positions: 64, bosId: 1, eosId: 2 }
    await exportHuggingFace({ folder, model, settings, weights: readerOf(region), dtype })
    const stored = dtype === 'f32' ? region : toFloat32('BF16', bytesOf(toBfloat16(region)))
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
