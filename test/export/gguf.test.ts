import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ModelConfig } from '../../lib/config/types.js'
import { BytesTokenizer } from '../../lib/data/tokenizer/bytes-tokenizer.js'
import { exportGguf, type GgufExport } from '../../lib/export/gguf/export-gguf.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { readerOf } from '../checkpoint/fixture.js'
import { flatten } from '../helpers/flat-weights.js'
import { goldenWeights } from '../helpers/golden.js'
import { readGguf } from '../helpers/read-gguf.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

interface GoldenGguf {
  readonly name: string
  readonly shape: Record<'V' | 'C' | 'F' | 'L' | 'H' | 'G' | 'D', number> & { readonly tied: boolean }
  /** By type asked for, then by llama.cpp's name: what the gguf package makes of the golden weights. */
  readonly tensors: Record<
    (typeof types)[number],
    Record<string, { type: string; shape: number[]; sha256: string }>
  >
}

const types = ['f32', 'f16', 'bf16', 'q8_0'] as const
const goldens = JSON.parse(
  readFileSync(new URL('../golden/gguf.json', import.meta.url), 'utf8'),
) as GoldenGguf[]

function modelOf({ shape: { V, C, F, L, H, G, D, tied } }: GoldenGguf): ModelConfig {
  return {
    ...{ vocabSize: V, width: C, feedForward: F, layers: L, heads: H, kvHeads: G, headDim: D },
    ...{ ropeTheta: 5e5, normEpsilon: 1e-5, tiedHead: tied, initStd: 0.02 },
  }
}

async function exportOf(model: ModelConfig, more: Partial<GgufExport> = {}): Promise<GgufExport> {
  return {
    ...{ file: join(temporaryFolder(), 'model.gguf'), model },
    settings: { positions: 99, bosId: 256, eosId: 257 },
    weights: readerOf(flatten(model, goldenWeights(model))),
    tokenizerFiles: await new BytesTokenizer().files(),
    ...more,
  }
}

describe.each(goldens)('a GGUF file of a model with $name', (golden) => {
  const model = modelOf(golden)

  it.each(types)('holds in %s, tensor by tensor, the bytes that the gguf package makes', async (type) => {
    const request = await exportOf(model, { type })
    const { bytes, keptAsF16 } = await exportGguf(request)
    const content = await readFile(request.file)
    expect(content.length).toBe(bytes)
    const { version, tensors } = readGguf(content)
    expect(version).toBe(3)
    const found = Object.entries(tensors).map(([name, { type, shape, data }]) => {
      return [name, { type, shape, sha256: createHash('sha256').update(data).digest('hex') }]
    })
    expect(Object.fromEntries(found)).toEqual(golden.tensors[type])
    const fallen = Object.entries(golden.tensors.q8_0).filter(([, tensor]) => tensor.type === 'F16')
    expect([...keptAsF16].sort()).toEqual(type === 'q8_0' ? fallen.map(([name]) => name).sort() : [])
  })

  it('says everything that llama.cpp wants to know of the model', async () => {
    const request = await exportOf(model, { type: 'q8_0' })
    await exportGguf(request)
    const { V, C, F, L, H, G, D } = golden.shape
    expect(readGguf(await readFile(request.file)).metadata).toMatchObject({
      'general.architecture': 'llama',
      'general.name': 'model',
      'general.file_type': 7,
      'llama.vocab_size': V,
      'llama.context_length': 99,
      'llama.embedding_length': C,
      'llama.block_count': L,
      'llama.feed_forward_length': F,
      'llama.attention.head_count': H,
      'llama.attention.head_count_kv': G,
      'llama.attention.key_length': D,
      'llama.attention.value_length': D,
      'llama.attention.layer_norm_rms_epsilon': Math.fround(1e-5),
      'llama.rope.dimension_count': D,
      'llama.rope.freq_base': 5e5,
    })
  })
})

describe('a GGUF export', () => {
  const model = modelOf(goldens[0]!)

  it('asks for no more than a megabyte or a head of the weights at a time', async () => {
    const wide = { ...model, vocabSize: 300, width: 4096, feedForward: 32, layers: 1 }
    const asked: number[] = []
    const weights = (offset: number, count: number) => {
      asked.push(count)
      return new Float32Array(count).fill(offset % 7)
    }
    const total = parameterTable(wide).parameters.reduce((sum, { size }) => sum + size, 0)
    await exportGguf(await exportOf(wide, { weights, type: 'q8_0' }))
    expect(Math.max(...asked)).toBeLessThanOrEqual(1 << 18)
    expect(asked.reduce((a, b) => a + b, 0)).toBe(total)
  })

  it.each([
    ['f16', 1e5],
    ['q8_0', 1e7],
    ['q8_0', NaN],
  ] as const)('refuses in %s a weight of %f by name, and leaves nothing behind', async (type, value) => {
    const flat = flatten(model, goldenWeights(model))
    const { offset } = parameterTable(model).get('layers.1.feedForward.down')
    flat[offset + 3] = value
    const request = await exportOf(model, { type, weights: readerOf(flat) })
    await expect(exportGguf(request)).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: expect.stringContaining(`blk.1.ffn_down.weight holds ${value}`) as string,
    })
    expect(await readdir(join(request.file, '..'))).toEqual([])
  })

  it('replaces a file only when asked to, and then whole or not at all', async () => {
    const request = await exportOf(model)
    await writeFile(request.file, 'GGUF old')
    await expect(exportGguf(request)).rejects.toMatchObject({ code: 'ERR_SAVE' })
    const broken = { ...request, overwrite: true, weights: () => Promise.reject(new Error('gone')) }
    await expect(exportGguf(broken)).rejects.toMatchObject({ code: 'ERR_SAVE' })
    expect(await readFile(request.file, 'utf8')).toBe('GGUF old')
    await exportGguf({ ...request, overwrite: true })
    expect(readGguf(await readFile(request.file)).version).toBe(3)
    expect(existsSync(`${request.file}.partial`)).toBe(false)
    await writeFile(request.file, 'years of work')
    await expect(exportGguf({ ...request, overwrite: true })).rejects.toThrow('is no GGUF file')
    expect(await readFile(request.file, 'utf8')).toBe('years of work')
  })

  it('refuses a folder for a file', async () => {
    const request = await exportOf(model, { overwrite: true })
    await mkdir(request.file)
    await expect(exportGguf(request)).rejects.toThrow('is no file')
  })
})
