import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { zstdFrames } from './zstd.js'
import { newestValid, openCheckpoint } from '../../lib/checkpoint/open.js'
import { SafetensorsFile, writeSafetensors } from '../../lib/checkpoint/safetensors.js'
import { readConfigFile } from '../../lib/config/load.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { UserConfig } from '../../lib/config/schema.js'
import { readDocuments } from '../../lib/data/read/documents.js'
import { TokenSetWriter } from '../../lib/data/shards/set-writer.js'
import { TokenSet } from '../../lib/data/shards/token-set.js'
import { verifyTokenSet } from '../../lib/data/shards/verify.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { readMetrics } from '../../lib/report/metrics.js'
import { filledRegion, readerOf, save, tinyModel, tinyTable } from '../checkpoint/fixture.js'
import { integers } from '../helpers/random-data.js'

/** A kind of file that may come from elsewhere. */
export interface Parser {
  readonly name: string
  /** Makes a valid file, with whatever belongs beside it, in an empty folder; its path. */
  make(folder: string): Promise<string>
  /** Reads all of it. */
  read(file: string): unknown
}

const golden = (name: string) => new URL(`../data/golden/${name}`, import.meta.url)

/** A text that a hostile file unpacks to without end is read as far as this. */
const enoughText = 2 ** 24

async function readText(file: string): Promise<void> {
  let length = 0
  for await (const { text } of readDocuments([file])) if ((length += text.length) > enoughText) return
}

async function readTensors(file: string): Promise<void> {
  const opened = await SafetensorsFile.open(file)
  try {
    for (const name of opened.tensors.keys()) for await (const _ of opened.read(name));
  } finally {
    await opened.close()
  }
}

async function readTokens(folder: string): Promise<void> {
  await verifyTokenSet(folder, { again: true })
  const set = await TokenSet.open(folder)
  try {
    const out = new Int32Array(Math.min(set.tokens, 2 ** 20))
    await set.read(0, out)
    if (out.some((id) => id < 0 || id >= set.vocabSize)) throw new Error('an id outside of the vocabulary')
  } finally {
    await set.close()
  }
}

async function useTokenizer(file: string): Promise<void> {
  const tokenizer = await loadTokenizer(file)
  try {
    const ids = tokenizer.encode('To be, or not\u0000 to be: 日本😀\ud800', { bos: true, eos: true })
    tokenizer.decode(ids)
    await tokenizer.encodeDocuments(['a', '', 'b c'], { threads: 1 })
    await tokenizer.files()
  } finally {
    tokenizer.dispose()
  }
}

async function openModel(folder: string): Promise<void> {
  const model = await HuggingFaceModel.open(folder)
  try {
    await model.load(() => {})
  } finally {
    await model.close()
  }
}

async function makeModel(folder: string): Promise<void> {
  const settings = { positions: 64, bosId: 1, eosId: 2 }
  await exportHuggingFace({
    folder: join(folder, 'model'),
    model: tinyModel,
    settings,
    weights: readerOf(filledRegion(tinyTable, 1)),
  })
}

async function makeTokens(folder: string): Promise<void> {
  const tokenizer = { name: 'test', fingerprint: 'f', vocabSize: 60_000, bosId: 1, eosId: 2 }
  const writer = await TokenSetWriter.create(join(folder, 'tokens'), {
    type: 'uint16',
    shardTokens: 300,
    tokenizer,
  })
  await writer.append(integers(700, 60_000, 1), true)
  await writer.commit({ key: '0'.repeat(64), marks: { bos: true, eos: false }, sources: [] })
}

function written(name: string, content: string | Uint8Array) {
  return async (folder: string) => {
    const file = join(folder, name)
    writeFileSync(file, content)
    return file
  }
}

const yaml = readFileSync(new URL('../../configs/quickstart.yaml', import.meta.url))
const lines = '{"text":"one\\u00e9"}\n\n{"text":"two","n":[1,{"a":null}]}\n'

export const parsers: readonly Parser[] = [
  {
    name: 'safetensors',
    make: async (folder) => {
      const file = join(folder, 'x.safetensors')
      const tensor = (name: string, dtype: 'F32' | 'BF16') => ({
        name,
        dtype,
        shape: [2, 3],
        data: new Uint8Array(dtype === 'F32' ? 24 : 12),
      })
      await writeSafetensors(file, [tensor('a', 'F32'), tensor('b', 'BF16')], { format: 'pt' })
      return file
    },
    read: readTensors,
  },
  {
    name: 'checkpoint manifest',
    make: async (folder) => join((await save(join(folder, 'checkpoints'), 1)).path, 'manifest.json'),
    read: async (file) => {
      await newestValid(dirname(dirname(file)))
      await openCheckpoint(dirname(file))
    },
  },
  {
    name: 'checkpoint weights',
    make: async (folder) => join((await save(join(folder, 'checkpoints'), 1)).path, 'weights.safetensors'),
    read: (file) => openCheckpoint(dirname(file)),
  },
  {
    name: 'config.json of a model',
    make: async (folder) => (await makeModel(folder), join(folder, 'model', 'config.json')),
    read: (file) => openModel(dirname(file)),
  },
  {
    name: 'weights of a model',
    make: async (folder) => (await makeModel(folder), join(folder, 'model', 'model.safetensors')),
    read: (file) => openModel(dirname(file)),
  },
  {
    name: 'shard index of a model',
    make: async (folder) => {
      await makeModel(folder)
      const [whole, part] = ['model.safetensors', 'model-00001-of-00001.safetensors'].map((name) =>
        join(folder, 'model', name),
      )
      const opened = await SafetensorsFile.open(whole!)
      const names = [...opened.tensors.keys()]
      await opened.close()
      mkdirSync(join(folder, 'sharded'))
      cpSync(join(folder, 'model', 'config.json'), join(folder, 'sharded', 'config.json'))
      cpSync(whole!, join(folder, 'sharded', part!.split('/').at(-1)!))
      const index = { weight_map: Object.fromEntries(names.map((name) => [name, part!.split('/').at(-1)!])) }
      return written('sharded/model.safetensors.index.json', JSON.stringify(index))(folder)
    },
    read: (file) => openModel(dirname(file)),
  },
  {
    name: 'manifest of token shards',
    make: async (folder) => (await makeTokens(folder), join(folder, 'tokens', 'manifest.json')),
    read: (file) => readTokens(dirname(file)),
  },
  {
    name: 'token shard',
    make: async (folder) => {
      await makeTokens(folder)
      const manifest = JSON.parse(readFileSync(join(folder, 'tokens', 'manifest.json'), 'utf8')) as {
        shards: { file: string }[]
      }
      return join(folder, 'tokens', manifest.shards[0]!.file)
    },
    read: (file) => readTokens(dirname(file)),
  },
  {
    name: 'tokenizer.model',
    make: written('tokenizer.model', readFileSync(golden('tokenizer/plain.model'))),
    read: useTokenizer,
  },
  {
    name: 'tokenizer.json',
    make: async (folder) => {
      const tokenizer = await loadTokenizer(golden('tokenizer/plain.model').pathname)
      const file = (await tokenizer.files()).find(({ name }) => name === 'tokenizer.json')!
      tokenizer.dispose()
      return written('tokenizer.json', file.data)(folder)
    },
    read: useTokenizer,
  },
  {
    name: 'tokenizer_config.json',
    make: async (folder) => {
      await written('tokenizer.model', readFileSync(golden('tokenizer/plain.model')))(folder)
      return written(
        'tokenizer_config.json',
        '{"tokenizer_class":"LlamaTokenizer","bos_token":"<s>"}',
      )(folder)
    },
    read: (file) => useTokenizer(dirname(file)),
  },
  {
    name: 'configuration in YAML',
    make: written('run.yaml', yaml),
    read: (file) => resolveConfig(readConfigFile(file) as UserConfig, file),
  },
  {
    name: 'configuration in JSON',
    make: written(
      'run.json',
      '{"model":"1m","data":{"train":"x{a,b}.txt"},"schedule":{"totalSteps":8,"batchTokens":512,"context":32}}',
    ),
    read: (file) => resolveConfig(readConfigFile(file) as UserConfig, file),
  },
  { name: 'zstd frames', make: written('a.txt.zst', zstdFrames()), read: readText },
  {
    name: 'zstd, entropy-coded',
    make: written('b.txt.zst', readFileSync(golden('small.zst'))),
    read: readText,
  },
  { name: 'JSON lines', make: written('a.jsonl', lines), read: readText },
  { name: 'plain text', make: written('a.txt', 'ein Text, 日本 😀\n'), read: readText },
  {
    name: 'metrics.jsonl',
    make: written('metrics.jsonl', '{"type":"step","step":1,"loss":2.5}\n{"type":"done","step":1}\n'),
    read: (file) => readMetrics(file),
  },
]
