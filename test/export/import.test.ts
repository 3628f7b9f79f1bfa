import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SafetensorsFile } from '../../lib/checkpoint/safetensors.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { readerOf } from '../checkpoint/fixture.js'
import { ContinuedModel } from '../helpers/continued.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Written by save_pretrained: bfloat16, two shards and an index, grouped queries, head_dim ≠ C/H, its own θ and ε. */
const golden = new ContinuedModel(fileURLToPath(new URL('../golden/folder', import.meta.url)))

describe('a folder that transformers wrote', () => {
  it('is read with its shape, wherever that differs from the defaults', async () => {
    const { model } = await golden.read()
    expect(model).toEqual({
      vocabSize: 61,
      width: 16,
      feedForward: 24,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      headDim: 6,
      ropeTheta: 500,
      normEpsilon: 1e-6,
      tiedHead: false,
      initStd: 0.2,
    })
  })

  it('gives the logits that transformers gives', async () => {
    const { error, allowed } = await golden.logits()
    expect(error).toBeLessThan(allowed)
    expect(allowed).toBeLessThan(1e-5)
  })

  it.each([1, 4])('trains on with K = %i as torch does, step by step', async (patchSize) => {
    await golden.expectTraining(patchSize)
  })

  it('comes back with every bit when it is exported again, whatever the files', async () => {
    const { model, weights } = await golden.read()
    const source = await HuggingFaceModel.open(golden.folder)
    await source.close()
    const folder = join(temporaryFolder(), 'model')
    const options = { folder, model, settings: source.settings, weights: readerOf(weights) } as const
    const { files } = await exportHuggingFace({ ...options, dtype: 'bf16', shardBytes: 3000 })
    expect(files.length).toBeGreaterThan(2)
    const tensors = await bytesOfTensors(folder, files)
    const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    const theirs = await bytesOfTensors(golden.folder, names)
    expect([...tensors.keys()].sort()).toEqual([...theirs.keys()].sort())
    for (const [name, bytes] of theirs) expect(tensors.get(name), name).toEqual(bytes)

    const ours = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>
    const written = JSON.parse(await readFile(join(golden.folder, 'config.json'), 'utf8')) as object
    // All but who wrote it; ours has the older spellings of two fields besides.
    for (const [key, value] of Object.entries(written))
      if (key !== 'transformers_version') expect(ours[key], key).toEqual(value)
  })
})

async function bytesOfTensors(folder: string, files: readonly string[]): Promise<Map<string, string>> {
  const tensors = new Map<string, string>()
  for (const name of files) {
    const file = await SafetensorsFile.open(join(folder, name))
    for (const { name, dtype, shape } of file.tensors.values()) {
      const pieces: Buffer[] = []
      for await (const piece of file.read(name)) pieces.push(Buffer.from(piece))
      tensors.set(name, `${dtype} [${shape.join()}] ${Buffer.concat(pieces).toString('hex')}`)
    }
    await file.close()
  }
  return tensors
}
