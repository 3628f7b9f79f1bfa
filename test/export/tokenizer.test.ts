import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { keepTokenizer, tokenizerOrKept } from '../../lib/data/tokenizer/kept.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const plain = fileURLToPath(new URL('../data/golden/tokenizer/plain.model', import.meta.url))

/** The values of a JSON file with its keys the other way round and without the spaces, as another tool may write them. */
function laidOutAnew(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(laidOutAnew)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, laidOutAnew(inner)]),
  )
}

describe('the tokenizer of bytes', () => {
  const write = async (change: (root: Record<string, unknown>) => void) => {
    const file = join(temporaryFolder(), 'tokenizer.json')
    const [json] = await (await loadTokenizer('bytes')).files()
    const root = JSON.parse(Buffer.from(json!.data).toString('utf8')) as Record<string, unknown>
    change(root)
    await writeFile(file, JSON.stringify(laidOutAnew(root)))
    return file
  }

  test('is known again after another tool has written its file', async () => {
    expect((await loadTokenizer(await write(() => {}))).name).toBe('bytes')
  })

  test('is not any other byte-level tokenizer', async () => {
    const file = await write((root) => (root['post_processor'] = null))
    await expect(loadTokenizer(file)).rejects.toThrow(/byte-level BPE/)
  })
})

describe('the copy of its tokenizer that a run keeps', () => {
  test('is used when the original is gone, and only then', async () => {
    const kept = join(temporaryFolder(), 'tokenizer')
    const original = join(temporaryFolder(), 'tokenizer.model')
    const tokenizer = await loadTokenizer(plain)
    await writeFile(original, 'anything')
    expect(tokenizerOrKept(original, kept)).toBe(original)
    await keepTokenizer(await tokenizer.files(), kept)
    expect(tokenizerOrKept(original, kept)).toBe(original)
    await rm(original)
    expect(tokenizerOrKept(original, kept)).toBe(kept)
    expect(tokenizerOrKept('bytes', kept)).toBe('bytes')
    expect((await loadTokenizer(kept)).fingerprint).toBe(tokenizer.fingerprint)
  })

  test('takes the place of an older one', async () => {
    const kept = join(temporaryFolder(), 'tokenizer')
    await keepTokenizer([{ name: 'old.json', data: Buffer.from('{}') }], kept)
    await keepTokenizer(await (await loadTokenizer(plain)).files(), kept)
    await expect(loadTokenizer(join(kept, 'old.json'))).rejects.toThrow(/cannot be read/)
  })
})
