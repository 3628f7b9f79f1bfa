import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SafetensorsFile } from '../../lib/checkpoint/safetensors.js'
import { ConfigError, SaveError } from '../../lib/errors.js'
import { exportHuggingFace, type HuggingFaceExport } from '../../lib/export/huggingface.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import type { ExportDtype } from '../../lib/export/weight-types.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, readerOf, tinyModel, tinyTable, writerOf } from '../checkpoint/fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const settings = { positions: 64, bosId: 1, eosId: null }
const weights = filledRegion(tinyTable, 1)

function exportOf(folder: string, more: Partial<HuggingFaceExport> = {}): HuggingFaceExport {
  return { folder, model: tinyModel, settings, weights: readerOf(weights), ...more }
}

async function readJson(...path: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(...path), 'utf8')) as Record<string, unknown>
}

async function readWhole(folder: string): Promise<Float32Array> {
  const source = await HuggingFaceModel.open(folder)
  const region = new Float32Array(parameterTable(source.model).size)
  await source.load(writerOf(region))
  await source.close()
  return region
}

describe('an exported folder', () => {
  test.each([true, false])(
    'read back gives the same model, settings and bits (tied head: %s)',
    async (tiedHead) => {
      const folder = join(temporaryFolder(), 'deep', 'model')
      const model = { ...tinyModel, tiedHead, ropeTheta: 5e5, normEpsilon: 1e-6, initStd: 0.01 }
      const region = filledRegion(parameterTable(model), 2)
      await exportHuggingFace(exportOf(folder, { model, weights: readerOf(region) }))
      const source = await HuggingFaceModel.open(folder)
      expect(source.model).toEqual(model)
      expect(source.settings).toEqual(settings)
      await source.close()
      expect(await readWhole(folder)).toEqual(region)
    },
  )

  test('has the tensors of LlamaForCausalLM, cut from the packed matrices by rows', async () => {
    const folder = join(temporaryFolder(), 'model')
    await exportHuggingFace(exportOf(folder))
    const file = await SafetensorsFile.open(join(folder, 'model.safetensors'))
    expect(file.metadata.get('format')).toBe('pt')
    const names = [...file.tensors.keys()]
    expect(names).toHaveLength(3 + 9 * tinyModel.layers)
    expect(names.slice(0, 4)).toEqual([
      'model.embed_tokens.weight',
      'model.layers.0.input_layernorm.weight',
      'model.layers.0.self_attn.q_proj.weight',
      'model.layers.0.self_attn.k_proj.weight',
    ])
    const { heads: H, kvHeads: G, headDim: D, width: C, feedForward: F } = tinyModel
    const qkv = tinyTable.get('layers.1.attention.qkv').offset
    const gateUp = tinyTable.get('layers.1.feedForward.gateUp').offset
    const cuts: [string, number, number][] = [
      ['self_attn.q_proj', qkv, H * D],
      ['self_attn.k_proj', qkv + H * D * C, G * D],
      ['self_attn.v_proj', qkv + (H + G) * D * C, G * D],
      ['mlp.gate_proj', gateUp, F],
      ['mlp.up_proj', gateUp + F * C, F],
    ]
    for (const [part, offset, rows] of cuts) {
      const name = `model.layers.1.${part}.weight`
      expect(file.tensors.get(name)?.shape).toEqual([rows, C])
      for await (const values of file.readFloat32(name)) {
        expect([...values]).toEqual([...weights.subarray(offset, offset + rows * C)])
      }
    }
    await file.close()
  })

  test('in bfloat16 is half the size and within one part in 256', async () => {
    const folder = join(temporaryFolder(), 'model')
    await exportHuggingFace(exportOf(folder, { dtype: 'bf16' }))
    expect(await readJson(folder, 'config.json')).toMatchObject({
      dtype: 'bfloat16',
      torch_dtype: 'bfloat16',
    })
    const file = await SafetensorsFile.open(join(folder, 'model.safetensors'))
    for (const { dtype } of file.tensors.values()) expect(dtype).toBe('BF16')
    await file.close()
    const back = await readWhole(folder)
    for (const [i, value] of weights.entries())
      expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(Math.abs(value) / 256)
  })

  test.each(['bf16', 'f16'] as const)(
    'from %s values comes back in that type with every bit',
    async (dtype) => {
      const folder = join(temporaryFolder(), 'model')
      const first = join(folder, 'first')
      await exportHuggingFace(exportOf(first, { dtype }))
      const rounded = await readWhole(first)
      expect(rounded).not.toEqual(weights)
      const again = join(folder, 'again')
      await exportHuggingFace(exportOf(again, { dtype, weights: readerOf(rounded) }))
      const names = ['config.json', 'generation_config.json', 'model.safetensors']
      for (const name of names)
        expect(await readFile(join(again, name))).toEqual(await readFile(join(first, name)))
    },
  )

  test('in float16 says so, and is refused when a weight is too large for it', async () => {
    const folder = join(temporaryFolder(), 'model')
    await exportHuggingFace(exportOf(folder, { dtype: 'f16' }))
    expect(await readJson(folder, 'config.json')).toMatchObject({ dtype: 'float16', torch_dtype: 'float16' })
    const large = weights.slice()
    const { offset } = tinyTable.get('layers.1.feedForward.gateUp')
    large[offset + tinyModel.feedForward * tinyModel.width] = 7e4
    const parent = temporaryFolder()
    const refused = exportHuggingFace(
      exportOf(join(parent, 'large'), { dtype: 'f16', weights: readerOf(large) }),
    )
    await expect(refused).rejects.toThrow(ConfigError)
    await expect(refused).rejects.toThrow('model.layers.1.mlp.up_proj.weight holds 70000')
    expect(await readdir(parent)).toEqual([])
  })

  test('is spread over files of at most the size asked for, a larger tensor alone, and read back with every bit', async () => {
    const folder = join(temporaryFolder(), 'model')
    const limit = 150 // bytes: less than the 168 of the embedding
    const { files, bytes } = await exportHuggingFace(exportOf(folder, { shardBytes: limit }))
    expect(files[0]).toBe(`model-00001-of-${String(files.length).padStart(5, '0')}.safetensors`)
    const index = (await readJson(folder, 'model.safetensors.index.json')) as {
      metadata: { total_size: number }
      weight_map: Record<string, string>
    }
    const found: Record<string, string> = {}
    let [tensorBytes, fileBytes, previous] = [0, 0, Infinity]
    for (const name of files) {
      const file = await SafetensorsFile.open(join(folder, name))
      expect(file.metadata.get('format')).toBe('pt')
      const sizes = [...file.tensors.values()].map(({ begin, end }) => end - begin)
      const size = sizes.reduce((a, b) => a + b)
      if (sizes.length > 1) expect(size).toBeLessThanOrEqual(limit)
      expect(previous + sizes[0]!, 'the file before had room').toBeGreaterThan(limit)
      previous = size
      tensorBytes += size
      fileBytes += (await stat(join(folder, name))).size
      for (const tensor of file.tensors.keys()) found[tensor] = name
      await file.close()
    }
    expect(index.weight_map).toEqual(found)
    expect(index.metadata.total_size).toBe(tensorBytes)
    expect(bytes).toBe(fileBytes)
    expect(await readdir(folder)).toEqual(
      ['config.json', 'generation_config.json', ...files, 'model.safetensors.index.json'].sort(),
    )
    expect(await readWhole(folder)).toEqual(weights)
  })

  test('is one file when the size asked for is enough, and wants a size that is one', async () => {
    const folder = join(temporaryFolder(), 'model')
    const { files } = await exportHuggingFace(exportOf(folder, { shardBytes: 1e6 }))
    expect(files).toEqual(['model.safetensors'])
    for (const shardBytes of [0, -1, 0.5, NaN])
      await expect(exportHuggingFace(exportOf(folder, { shardBytes, overwrite: true }))).rejects.toThrow(
        ConfigError,
      )
  })

  test('carries the files of the tokenizer', async () => {
    const folder = join(temporaryFolder(), 'model')
    const tokenizerFiles = [
      { name: 'tokenizer.json', data: Buffer.from('{}') },
      { name: 'tokenizer.model', data: Uint8Array.of(0, 255) },
    ]
    await exportHuggingFace(exportOf(folder, { tokenizerFiles }))
    expect(await readdir(folder)).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer.model',
    ])
    expect([...(await readFile(join(folder, 'tokenizer.model')))]).toEqual([0, 255])
  })
})

describe('the target', () => {
  test('may exist when it is empty', async () => {
    const folder = temporaryFolder()
    await exportHuggingFace(exportOf(folder))
    expect(await readWhole(folder)).toEqual(weights)
  })

  test('is not replaced unless asked for, and then as a whole', async () => {
    const folder = join(temporaryFolder(), 'model')
    await exportHuggingFace(
      exportOf(folder, { tokenizerFiles: [{ name: 'added_tokens.json', data: new Uint8Array() }] }),
    )
    await expect(exportHuggingFace(exportOf(folder))).rejects.toThrow(/exists and holds 4 files/)
    const other = filledRegion(tinyTable, 9)
    await exportHuggingFace(exportOf(folder, { weights: readerOf(other), overwrite: true }))
    expect(await readWhole(folder)).toEqual(other)
    expect(await readdir(folder)).not.toContain('added_tokens.json')
  })

  test('is replaced when it is an export in several files, and none of them stays', async () => {
    const folder = join(temporaryFolder(), 'model')
    await exportHuggingFace(exportOf(folder, { shardBytes: 200 }))
    await exportHuggingFace(exportOf(folder, { overwrite: true }))
    expect(await readdir(folder)).toEqual(['config.json', 'generation_config.json', 'model.safetensors'])
  })

  test('is not replaced when it is no export, whatever is asked for', async () => {
    const folder = temporaryFolder()
    await writeFile(join(folder, 'thesis.txt'), 'years of work')
    const replaced = exportHuggingFace(exportOf(folder, { overwrite: true }))
    await expect(replaced).rejects.toThrow(SaveError)
    await expect(replaced).rejects.toThrow(/will not be replaced/)
    expect(await readdir(folder)).toEqual(['thesis.txt'])
  })

  test('is not replaced when something else lies beside it', async () => {
    const folder = join(temporaryFolder(), 'model')
    await exportHuggingFace(exportOf(folder))
    await writeFile(join(folder, 'thesis.txt'), 'years of work')
    await expect(exportHuggingFace(exportOf(folder, { overwrite: true }))).rejects.toThrow('holds thesis.txt')
    expect(await readdir(folder)).toContain('thesis.txt')
  })

  test('stays as it was when the export fails half way', async () => {
    const parent = temporaryFolder()
    const folder = join(parent, 'model')
    await exportHuggingFace(exportOf(folder))
    const broken = (offset: number, count: number) => {
      if (offset > tinyTable.size / 2) throw new Error('EIO: i/o error')
      return weights.subarray(offset, offset + count)
    }
    await expect(exportHuggingFace(exportOf(folder, { weights: broken, overwrite: true }))).rejects.toThrow(
      SaveError,
    )
    expect(await readWhole(folder)).toEqual(weights)
    expect(await readdir(parent)).toEqual(['model'])
  })

  test('is reached over what a killed export has left', async () => {
    const folder = join(temporaryFolder(), 'model')
    await mkdir(`${folder}.partial`)
    await writeFile(join(`${folder}.partial`, 'model.safetensors'), 'torn')
    await exportHuggingFace(exportOf(folder))
    expect(await readWhole(folder)).toEqual(weights)
  })

  test('below a file fails with a SaveError', async () => {
    const file = join(temporaryFolder(), 'file')
    await writeFile(file, '')
    await expect(exportHuggingFace(exportOf(file))).rejects.toThrow(SaveError)
    await expect(exportHuggingFace(exportOf(join(file, 'model')))).rejects.toThrow(SaveError)
  })
})

test('a model that transformers would refuse is not exported', async () => {
  const folder = join(temporaryFolder(), 'model')
  const model = { ...tinyModel, heads: 4, kvHeads: 4 }
  const refused = exportHuggingFace(exportOf(folder, { model }))
  await expect(refused).rejects.toThrow(ConfigError)
  await expect(refused).rejects.toThrow(/width that 4 heads divide, this model has 6/)
})

test('a type of weights that does not exist is refused', async () => {
  const folder = join(temporaryFolder(), 'model')
  const dtype = 'toString' as ExportDtype
  await expect(exportHuggingFace(exportOf(folder, { dtype }))).rejects.toThrow(ConfigError)
})

const taken = ['config.json', 'model.safetensors', 'model.safetensors.index.json']
test.each(['../x', '/x', 'a/b', '.hidden', '', ...taken])(
  'a tokenizer file called %j is refused',
  async (name) => {
    const folder = join(temporaryFolder(), 'model')
    const tokenizerFiles = [{ name, data: new Uint8Array() }]
    await expect(exportHuggingFace(exportOf(folder, { tokenizerFiles }))).rejects.toThrow(ConfigError)
  },
)
