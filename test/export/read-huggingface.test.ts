import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeSafetensors, SafetensorsFile, type TensorSource } from '../../lib/checkpoint/safetensors.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { filledRegion, readerOf, tinyModel, tinyTable, writerOf } from '../checkpoint/fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const weights = filledRegion(tinyTable, 1)
const parameterCount = tinyTable.parameters.reduce((sum, { size }) => sum + size, 0)

/** A good folder, after `change` has been made to its config and tensors. */
async function folderWith(
  change: (config: Record<string, unknown>, tensors: Map<string, TensorSource>) => void = () => {},
): Promise<string> {
  const folder = join(temporaryFolder(), 'model')
  const settings = { positions: 64, bosId: 1, eosId: 2 }
  await exportHuggingFace({ folder, model: tinyModel, settings, weights: readerOf(weights) })
  const configPath = join(folder, 'config.json')
  const config = JSON.parse(await readFile(configPath, 'utf8')) as Record<string, unknown>
  const tensors = new Map<string, TensorSource>()
  const file = await SafetensorsFile.open(join(folder, 'model.safetensors'))
  for (const { name, dtype, shape } of file.tensors.values()) {
    for await (const piece of file.read(name)) tensors.set(name, { name, dtype, shape, data: piece.slice() })
  }
  await file.close()
  change(config, tensors)
  await writeFile(configPath, JSON.stringify(config))
  await rm(join(folder, 'model.safetensors'))
  await writeSafetensors(join(folder, 'model.safetensors'), [...tensors.values()])
  return folder
}

async function readWhole(folder: string): Promise<Float32Array> {
  const source = await HuggingFaceModel.open(folder)
  const region = new Float32Array(tinyTable.size)
  await source.load(writerOf(region))
  await source.close()
  return region
}

async function configGives(changes: Record<string, unknown>): Promise<HuggingFaceModel> {
  const source = await HuggingFaceModel.open(await folderWith((config) => Object.assign(config, changes)))
  await source.close()
  return source
}

describe('config.json', () => {
  test('may use the older or the newer place of rope_theta', async () => {
    const older = await configGives({ rope_theta: 7, rope_parameters: undefined })
    const newer = await configGives({
      rope_theta: undefined,
      rope_parameters: { rope_type: 'default', rope_theta: 8 },
    })
    const none = await configGives({ rope_theta: undefined, rope_parameters: null, rope_scaling: null })
    expect([older, newer, none].map(({ model }) => model.ropeTheta)).toEqual([7, 8, 10000])
  })

  test('may say it in both places, if it says the same', async () => {
    const newer = { rope_parameters: { rope_type: 'default', rope_theta: 7 } }
    expect((await configGives({ rope_theta: 7, ...newer })).model.ropeTheta).toBe(7)
    await expect(configGives({ rope_theta: 8, ...newer })).rejects.toThrow(
      /rope_theta: it is given as 7 and 8/,
    )
    const scaling = { rope_scaling: { type: 'default', rope_theta: 9 }, rope_theta: undefined }
    await expect(configGives({ ...scaling, ...newer })).rejects.toThrow(/rope_theta: it is given as 7 and 9/)
  })

  test('may leave out what LlamaConfig has a default for', async () => {
    const { model } = await configGives({
      tie_word_embeddings: undefined,
      rms_norm_eps: undefined,
      initializer_range: undefined,
      hidden_act: undefined,
      attention_bias: undefined,
    })
    expect(model).toMatchObject({ tiedHead: false, normEpsilon: 1e-6, initStd: 0.02 })
  })

  test('may list several ends of text, or none', async () => {
    const { settings } = await configGives({ eos_token_id: [5, 6], bos_token_id: null })
    expect(settings).toEqual({ positions: 64, eosId: 5, bosId: null })
  })

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'another architecture',
      { architectures: ['MistralForCausalLM'], model_type: 'mistral', sliding_window: null },
      /architectures: it is \["MistralForCausalLM"\]\. Supported is LlamaForCausalLM/,
    ],
    [
      'another head',
      { architectures: ['LlamaForSequenceClassification'] },
      /architectures: it is \["LlamaForSequenceClassification"\]/,
    ],
    ['another type of model', { model_type: 'mistral' }, /model_type: it is "mistral"\. Supported is/],
    ['no type of model', { model_type: undefined }, /model_type: it is missing/],
    ['another activation', { hidden_act: 'gelu' }, /hidden_act/],
    ['biases', { attention_bias: true }, /attention_bias/],
    ['biases in the feed-forward', { mlp_bias: true }, /mlp_bias/],
    ['scaled positions', { rope_scaling: { type: 'linear', factor: 2 } }, /rotary positions \(linear\)/],
    ['scaled positions, newer', { rope_parameters: { rope_type: 'llama3' } }, /rotary positions \(llama3\)/],
    ['half-rotated heads', { partial_rotary_factor: 0.5 }, /partial_rotary_factor: only whole heads/],
    [
      'half-rotated heads, newer',
      { rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      /rope_parameters\.partial_rotary_factor: only whole heads/,
    ],
    ['dropout', { attention_dropout: 0.1 }, /attention_dropout/],
    ['quantised weights', { quantization_config: { bits: 4 } }, /quantization_config/],
    ['heads that cannot be grouped', { num_attention_heads: 3, num_key_value_heads: 2 }, /cannot share/],
    ['an odd head', { head_dim: 3 }, /head_dim: 3 is not even/],
    ['a head that is too large', { head_dim: 258 }, /head_dim: 258 is more than the 256/],
    ['no layers', { num_hidden_layers: 0 }, /num_hidden_layers/],
    ['more layers than can be', { num_hidden_layers: 1e9 }, /num_hidden_layers/],
    ['a width of no number', { hidden_size: '6' }, /hidden_size/],
    ['an infinite width', { hidden_size: 1e300 }, /hidden_size/],
  ])('with %s is refused', async (_, changes, message) => {
    const folder = await folderWith((config) => Object.assign(config, changes))
    await expect(HuggingFaceModel.open(folder)).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_MISMATCH',
      message: expect.stringMatching(message),
    })
  })

  const nested = `{"model_type":"llama","architectures":${'['.repeat(4e5)}${']'.repeat(4e5)}}`

  test('that is nested without end is refused', async () => {
    const folder = await folderWith()
    await writeFile(join(folder, 'config.json'), nested)
    await expect(HuggingFaceModel.open(folder)).rejects.toThrow(/nested more than 32 levels deep/)
  })

  test.each(['', '{', '[]', 'null', '"llama"'])('that reads %j is refused', async (text) => {
    const folder = await folderWith()
    await writeFile(join(folder, 'config.json'), text)
    await expect(HuggingFaceModel.open(folder)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISMATCH' })
  })

  test('that is missing or huge is refused', async () => {
    await expect(HuggingFaceModel.open(temporaryFolder())).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_MISSING',
    })
    const folder = await folderWith()
    await writeFile(join(folder, 'config.json'), Buffer.alloc(2 << 20, ' '))
    await expect(HuggingFaceModel.open(folder)).rejects.toThrow(/more than the 1048576/)
  })
})

describe('tensors', () => {
  const up = 'model.layers.1.mlp.up_proj.weight'

  test.each<[string, (tensors: Map<string, TensorSource>) => void, RegExp]>([
    ['one missing', (t) => t.delete(up), /layers\.1\.mlp\.up_proj\.weight is missing/],
    ['the head missing', (t) => t.delete('lm_head.weight'), /lm_head\.weight is missing/],
    [
      'a wrong shape',
      (t) => t.set(up, { ...t.get(up)!, shape: [6, 5] }),
      /up_proj\.weight in model\.safetensors is \[6,5\], config\.json says \[5,6\]/,
    ],
    [
      'a type of integers',
      (t) => t.set(up, { ...t.get(up)!, dtype: 'I32' }),
      /up_proj\.weight in model\.safetensors is I32, and only F32/,
    ],
    [
      'one too many',
      (t) => t.set('x.bias', { name: 'x.bias', dtype: 'U8', shape: [1], data: Uint8Array.of(1) }),
      /x\.bias in model\.safetensors has no place in the model/,
    ],
    ['all missing', (t) => t.clear(), /; model\.layers\.0\..* and 16 more/],
  ])('with %s are refused', async (_, change, message) => {
    const folder = await folderWith((_, tensors) => void change(tensors))
    await expect(HuggingFaceModel.open(folder)).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_MISMATCH',
      message: expect.stringMatching(message),
    })
  })

  test('that repeat what the config already says are passed over', async () => {
    const one = (name: string): TensorSource => ({ name, dtype: 'F32', shape: [1], data: new Uint8Array(4) })
    const rotary = 'model.layers.0.self_attn.rotary_emb.inv_freq'
    const folder = await folderWith((_, tensors) => tensors.set(rotary, one(rotary)))
    expect(await readWhole(folder)).toEqual(weights)
    const tied = await folderWith((config) => (config['tie_word_embeddings'] = true))
    const source = await HuggingFaceModel.open(tied)
    expect(source.model.tiedHead).toBe(true)
    await source.close()
  })

  test('of a tied head that differ from the embedding are refused, whichever of the two was meant', async () => {
    const head = 'lm_head.weight'
    const tie = (config: Record<string, unknown>) => (config['tie_word_embeddings'] = true)
    const load = async (folder: string) => {
      const source = await HuggingFaceModel.open(folder)
      await source.load(() => {}).finally(() => source.close())
    }
    const other = await folderWith(tie)
    await expect(load(other)).rejects.toThrow(/lm_head\.weight holds other values than model\.embed_tokens/)
    const same = await folderWith((config, tensors) => {
      tie(config)
      tensors.set(head, { ...tensors.get('model.embed_tokens.weight')!, name: head })
    })
    await load(same)
  })

  test('in another format than safetensors are not looked for', async () => {
    const folder = await folderWith()
    await rename(join(folder, 'model.safetensors'), join(folder, 'pytorch_model.bin'))
    await expect(HuggingFaceModel.open(folder)).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_MISSING',
      message: expect.stringMatching(/safetensors files only; convert others/),
    })
  })

  test('in a damaged file are refused', async () => {
    const folder = await folderWith()
    await writeFile(join(folder, 'model.safetensors'), 'rot')
    await expect(HuggingFaceModel.open(folder)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_CORRUPT' })
  })
})

describe('an index of shards', () => {
  const indexName = 'model.safetensors.index.json'

  async function sharded(index: (map: Record<string, unknown>) => unknown): Promise<string> {
    let tensors = new Map<string, TensorSource>()
    const folder = await folderWith((_, all) => void (tensors = new Map(all)))
    await rm(join(folder, 'model.safetensors'))
    const halves = [[...tensors.values()].slice(0, 9), [...tensors.values()].slice(9)]
    const map: Record<string, string> = {}
    for (const [i, half] of halves.entries()) {
      const name = `model-0000${i + 1}-of-00002.safetensors`
      await writeSafetensors(join(folder, name), half)
      for (const tensor of half) map[tensor.name] = name
    }
    await writeFile(join(folder, indexName), JSON.stringify(index(map)))
    return folder
  }

  test('is followed', async () => {
    expect(await readWhole(await sharded((weight_map) => ({ weight_map })))).toEqual(weights)
  })

  test.each<[string, (map: Record<string, unknown>) => unknown, RegExp]>([
    ['leaves its folder', () => ({ weight_map: { a: '../model.safetensors' } }), /plain name/],
    ['names an absolute path', () => ({ weight_map: { a: '/etc/passwd' } }), /plain name/],
    ['names no text', () => ({ weight_map: { a: 1 } }), /plain name/],
    ['names nothing', () => ({ weight_map: {} }), /names 0 files/],
    [
      'names too many files',
      () => ({
        weight_map: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, `${i}.safetensors`])),
      }),
      /names 1001 files/,
    ],
    ['has no map', () => ({}), /no weight_map/],
    ['is no object', () => null, /no weight_map/],
  ])('that %s is refused', async (_, index, message) => {
    const opened = HuggingFaceModel.open(await sharded(index))
    await expect(opened).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_CORRUPT',
      message: expect.stringMatching(message),
    })
  })

  test('that names a file which is missing, or forgets one, is refused', async () => {
    const more = await sharded((map) => ({ weight_map: { ...map, x: 'x.safetensors' } }))
    await expect(HuggingFaceModel.open(more)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISSING' })
    await expect(HuggingFaceModel.open(more)).rejects.toThrow(
      /x\.safetensors.*index\.json says that it holds x\./,
    )
    const fewer = await sharded((map) => ({ weight_map: { a: Object.values(map)[0] } }))
    await expect(HuggingFaceModel.open(fewer)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISMATCH' })
  })

  const shard = (i: number) => `model-0000${i}-of-00002.safetensors`

  test.each<[string, (map: Record<string, unknown>) => unknown, RegExp]>([
    [
      'places a tensor in another file',
      (map) => ({ weight_map: { ...map, 'model.norm.weight': shard(1) } }),
      new RegExp(`model\\.norm\\.weight is in ${shard(2)}, the index says ${shard(1)}`),
    ],
    [
      'names a tensor that is nowhere',
      (map) => ({ weight_map: { ...map, ghost: shard(1) } }),
      new RegExp(`ghost is not in ${shard(1)}, where the index says it is`),
    ],
    [
      'leaves out a tensor',
      ({ 'model.norm.weight': _, ...map }) => ({ weight_map: map }),
      new RegExp(`model\\.norm\\.weight in ${shard(2)} is not in the index`),
    ],
    [
      'counts other bytes',
      (weight_map) => ({ metadata: { total_size: 12 }, weight_map }),
      /the tensors of all files have \d+ bytes, the index says 12/,
    ],
    [
      'counts no bytes',
      (weight_map) => ({ metadata: { total_size: 'all' }, weight_map }),
      /total_size is "all"/,
    ],
  ])('that %s is refused', async (_, index, message) => {
    await expect(HuggingFaceModel.open(await sharded(index))).rejects.toThrow(message)
  })

  test('that counts the bytes as they are is believed', async () => {
    const total_size = 4 * parameterCount
    expect(
      await readWhole(await sharded((weight_map) => ({ metadata: { total_size }, weight_map }))),
    ).toEqual(weights)
  })

  test('whose files hold the same tensor twice is refused', async () => {
    const folder = await sharded((map) => ({ weight_map: { ...map, x: 'extra.safetensors' } }))
    await mkdir(folder, { recursive: true })
    const again: TensorSource = {
      name: 'model.norm.weight',
      dtype: 'F32',
      shape: [6],
      data: new Uint8Array(24),
    }
    await writeSafetensors(join(folder, 'extra.safetensors'), [again])
    await expect(HuggingFaceModel.open(folder)).rejects.toThrow(/model\.norm\.weight is in two files/)
  })
})
