import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SafetensorsFile } from '../../lib/checkpoint/safetensors.js'
import { readConfigFile } from '../../lib/config/load.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { UserConfig } from '../../lib/config/schema.js'
import { readDocuments } from '../../lib/data/read/documents.js'
import { expandBraces } from '../../lib/data/read/glob.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { BpeEngine } from '../../lib/native/tokenizer.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { expectSafe } from './expect-safe.js'

/* What was found by fuzzing and by reading, each once an error of another kind, a crash, a hang or a wrong result. */

function fileWith(name: string, content: string | Uint8Array): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, content)
  return file
}

/** The text of the refusal of a file with this content. */
async function refusal(
  name: string,
  content: string | Uint8Array,
  read: (file: string) => unknown,
): Promise<string> {
  const file = fileWith(name, content)
  const error = await expectSafe(() => read(file))
  if (!error) throw new Error(`${name} was not refused`)
  return error.message
}

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const unprintable = '{"toString":0,"valueOf":0}'

describe('safetensors', () => {
  const withHeader = (json: string) => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)))
    return Buffer.concat([length, Buffer.from(json)])
  }
  const entry = (dtype: string) => withHeader(`{"a":{"dtype":${dtype},"shape":[0],"data_offsets":[0,0]}}`)

  test.each([
    ['a type that has no text', unprintable],
    ['a type nested deeply', deep(50)],
    ['a type nested so deeply that nothing can walk it', deep(100_000)],
  ])('%s', async (_, dtype) => {
    expect(await refusal('x.safetensors', entry(dtype), (file) => SafetensorsFile.open(file))).toMatch(
      /not a valid/,
    )
  })

  test('a header that claims 2^60 bytes', async () => {
    const bytes = Buffer.alloc(16)
    bytes.writeBigUInt64LE(1n << 60n)
    expect(await refusal('x.safetensors', bytes, (file) => SafetensorsFile.open(file))).toMatch(
      /1152921504606846976/,
    )
  })
})

describe('tokenizer.json', () => {
  const json = (fields: string) =>
    `{"model":{"type":"BPE","byte_fallback":true,"vocab":{},"merges":[]${fields}}}`
  const normalizer = '"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"}'

  test.each([
    [
      'a normalizer nested too deeply to be shown',
      `{"model":{"type":"BPE","byte_fallback":true},"normalizer":${deep(20_000)}}`,
    ],
    ['a model type without a text', `{"model":{"type":${unprintable}}}`],
    [
      'an unknown token without a text',
      json(`,"unk_token":${unprintable}`)
        .replace('"vocab":{}', '"vocab":{"<s>":0,"</s>":1}')
        .replace(/}$/, `,${normalizer}}`),
    ],
    [
      'an id without a text',
      `{"model":{"type":"BPE","byte_fallback":true,"vocab":{"a":${unprintable}}},${normalizer}}`,
    ],
    [
      'an added token without a content',
      json('').replace(/}$/, `,${normalizer},"added_tokens":[{"id":-1,"special":true}]}`),
    ],
    [
      'a merge of spaces',
      json('')
        .replace('[]', `["${' '.repeat(1e6)}"]`)
        .replace(/}$/, `,${normalizer}}`),
    ],
  ])('%s', async (_, content) => {
    expect(await refusal('tokenizer.json', content, loadTokenizer)).toMatch(/cannot be used/)
  })
})

describe('tokenizer.model', () => {
  const field = (number: number, bytes: Buffer) => {
    const length = [
      (bytes.length & 0x7f) | 0x80,
      ((bytes.length >> 7) & 0x7f) | 0x80,
      ((bytes.length >> 14) & 0x7f) | 0x80,
      bytes.length >> 21,
    ]
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
  }

  test('more empty pieces than any vocabulary has are refused before they are all made', async () => {
    const bytes = Buffer.alloc(2 * (2 ** 20 + 1), Buffer.from([0x0a, 0x00]))
    expect(await refusal('tokenizer.model', bytes, loadTokenizer)).toMatch(/more than 1048576 pieces/)
  })

  test('a piece of megabytes is refused before it is looked at', async () => {
    const bytes = field(1, field(1, Buffer.alloc(2 ** 21, 'a')))
    expect(await refusal('tokenizer.model', bytes, loadTokenizer)).toMatch(/piece 0 has 2097152 bytes/)
  })
})

describe('a piece of two NULs where a single NUL is no piece, so that its key was that of an empty slot', () => {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  )
  const encode = (text: string, others: number) => {
    const pairs = Array.from({ length: others }, (_, i) => `\0${String.fromCharCode(0x100 + i)}`)
    const texts = ['<unk>', '<s>', '</s>', ...bytes, '▁', '\0\0', ...pairs].map((text) => Buffer.from(text))
    const engine = new BpeEngine({
      texts: Buffer.concat(texts),
      lengths: Uint32Array.from(texts, (text) => text.length),
      scores: new Float32Array(texts.length),
      types: Uint8Array.from(texts, (_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1)),
      bosId: 1,
      eosId: 2,
      dummyPrefix: false,
    })
    const ids = [...engine.encode(text, false, false)]
    engine.dispose()
    return ids
  }

  // Whether another key took the slot depended on where the keys lay.
  test.each(Array.from({ length: 40 }, (_, i) => 5 * i))('is found beside %i others', (others) => {
    expect(encode('\0\0', others)).toEqual([260])
  })
})

describe('configurations', () => {
  const read = (file: string) => resolveConfig(readConfigFile(file) as UserConfig, file)

  test.each([
    ['brackets without end, which ended the process', '['.repeat(10_000)],
    ['braces without end', '{a: '.repeat(10_000)],
    ['lists in lists', '- '.repeat(10_000)],
    ['keys in keys, which took minutes', '? '.repeat(500)],
    ['indentation', Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['a hundred thousand errors, which took half a minute', '"'.repeat(2 ** 17)],
    [
      'an alias bomb',
      [
        'a: &a [1]',
        ...'abcdefgh'.split('').map((c, i) => `${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${`*${c},`.repeat(9)}]`),
      ].join('\n'),
    ],
    ['a key twice', 'seed: 1\nseed: 2'],
    ['a key twice, far inside', 'model: {width: 8, width: 9}'],
    ['more than a configuration can have', `# ${'x'.repeat(2 ** 17)}`],
    ['fifteen thousand unknown keys', Array.from({ length: 12_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['a name of an inherited property as a key', '__proto__: {seed: 1}'],
    ['another', 'constructor: {prototype: {seed: 1}}'],
  ])('%s', { timeout: 30_000 }, async (_, content) => {
    await refusal('run.yaml', content, read)
    expect(({} as { seed?: unknown }).seed).toBe(undefined)
  })

  test.each(['constructor', '__proto__', 'toString'])('the preset %s does not exist', async (name) => {
    const content = `{"model":"${name}","data":{"train":"a.txt"},"schedule":{"totalSteps":8,"batchTokens":512,"context":32}}`
    expect(await refusal('run.json', content, read)).toMatch(/There is no model preset/)
  })

  test('braces that multiply make no more patterns than can be listed', () => {
    expect(() => expandBraces('{a,b}'.repeat(40))).toThrow(/more than 10000 patterns/)
    expect(() => expandBraces('{'.repeat(100_000))).toThrow(/more than 100 braces/)
    expect(expandBraces('{a,b{1,2}}{x,y}')).toEqual(['ax', 'ay', 'b1x', 'b1y', 'b2x', 'b2y'])
  })
})

describe('JSON lines', () => {
  const read = async (file: string) => {
    for await (const _ of readDocuments([file]));
  }

  test('a long line of nothing but brackets, which takes forty times its size', async () => {
    expect(await refusal('a.jsonl', '['.repeat(3 << 20), read)).toMatch(/nested more than 1048576 levels/)
  })

  test('a line of a hundred thousand fields is not listed in full', async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `"field ${i}":0`).join()
    const text = await refusal('a.jsonl', `{${names}}`, read)
    expect(text.length).toBeLessThan(1000)
    expect(text).toMatch(/and 99990 more/)
  })

  test('a long document is no such line', async () => {
    const file = fileWith('a.jsonl', JSON.stringify({ text: '[{,"\\'.repeat(1 << 19) }))
    expect(await expectSafe(() => read(file))).toBe(undefined)
  })
})

test('a name of a weight file that leads out of the folder is refused', async () => {
  const folder = join(temporaryFolder(), 'model')
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.json'), '{"model_type":"llama"}')
  for (const name of [
    '../x.safetensors',
    '/etc/x.safetensors',
    'a/../../x.safetensors',
    '..',
    'x.safetensors\u0000',
    '__proto__',
  ]) {
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: { a: name } }))
    const error = await expectSafe(() => HuggingFaceModel.open(folder))
    expect(error?.message).toMatch(/not the plain name/)
  }
})
