import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { NativeError } from '../../lib/errors.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { anyText } from '../helpers/any-text.js'

describe('the bytes tokenizer', async () => {
  const tokenizer = await loadTokenizer('bytes')

  test('needs no file; the id of a byte is its value', () => {
    expect(tokenizer).toMatchObject({ name: 'bytes', vocabSize: 258, bosId: 256, eosId: 257 })
    expect([...tokenizer.encode('Aé\n', { bos: true, eos: true })]).toEqual([256, 65, 0xc3, 0xa9, 10, 257])
    expect([65, 10, 256, 257].map((id) => tokenizer.idToPiece(id))).toEqual([
      '<0x41>',
      '<0x0A>',
      '<|bos|>',
      '<|eos|>',
    ])
  })

  test('brings every text back, whole and token by token', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = [...tokenizer.encode(text, { bos: true, eos: true })]
        const expected = Buffer.from(text, 'utf8').toString('utf8')
        const decoder = tokenizer.createDecoder()
        expect(tokenizer.decode(ids)).toBe(expected)
        expect(ids.map((id) => decoder.push(id)).join('') + decoder.end()).toBe(expected)
      }),
    )
  })

  test('decodes any bytes: what is no UTF-8 becomes U+FFFD, a byte order mark stays', () => {
    expect(tokenizer.decode([0xff, 0x41, 0xe2, 0x96])).toBe('\ufffdA\ufffd')
    expect(tokenizer.decode([0xef, 0xbb, 0xbf, 0x41])).toBe('\ufeffA')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 257 })), (ids) => {
        const decoder = tokenizer.createDecoder()
        expect(ids.map((id) => decoder.push(id)).join('') + decoder.end()).toBe(tokenizer.decode(ids))
      }),
    )
  })

  test('refuses ids it does not have', () => {
    for (const id of [-1, 258, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => tokenizer.decode([id])).toThrow(NativeError)
      expect(() => tokenizer.createDecoder().push(id)).toThrow(NativeError)
      expect(() => tokenizer.idToPiece(id)).toThrow(NativeError)
    }
  })

  test('encodes documents in order', async () => {
    const { ids, offsets } = await tokenizer.encodeDocuments(['ab', '', 'é'], { bos: true })
    expect([...ids]).toEqual([256, 97, 98, 256, 256, 0xc3, 0xa9])
    expect([...offsets]).toEqual([0, 3, 4, 7])
  })

  test('an exported folder is the bytes tokenizer again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'patchtrain-bytes-'))
    for (const file of await tokenizer.files()) writeFileSync(join(folder, file.name), file.data)
    expect((await loadTokenizer(folder)).fingerprint).toBe(tokenizer.fingerprint)
    rmSync(folder, { recursive: true })
  })
})
