import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'

// A proof on demand, on a corpus too large for the repository: test/oracle/make-tokenizer-vectors.py writes it.
const folder = process.env['PATCHTRAIN_TOKENIZER_VECTORS'] ?? ''

async function* jsonLines<T>(file: string): AsyncGenerator<T> {
  for await (const line of createInterface({ input: createReadStream(file) })) yield JSON.parse(line) as T
}

describe.skipIf(folder === '')('against sentencepiece, on a large corpus', () => {
  test('every document has the same ids', { timeout: 600_000 }, async () => {
    const tokenizer = await loadTokenizer(join(folder, 'tokenizer.model'))
    const expectedIds = readFileSync(join(folder, 'ids.i32'))
    const texts: string[] = []
    for await (const { text } of jsonLines<{ text: string }>(join(folder, 'documents.jsonl')))
      texts.push(text)
    const megabytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6

    for (const threads of [1, 2]) {
      const [wall, cpu] = [performance.now(), process.cpuUsage()]
      const { ids, offsets } = await tokenizer.encodeDocuments(texts, { threads })
      const { user, system } = process.cpuUsage(cpu)
      console.log(
        `${megabytes.toFixed(1)} MB, ${ids.length} ids, ${threads} threads: ` +
          `${(megabytes / ((user + system) / 1e6)).toFixed(1)} MB per CPU-second, ` +
          `${(megabytes / ((performance.now() - wall) / 1e3)).toFixed(1)} MB/s`,
      )
      expect(Buffer.from(ids.buffer).equals(expectedIds)).toBe(true)
      const expectedOffsets = readFileSync(join(folder, 'offsets.i64'))
      expect(
        [...offsets].every((offset, i) => offset === Number(expectedOffsets.readBigInt64LE(8 * i))),
      ).toBe(true)
    }
  })

  test('every id sequence has the same text, whole and token by token', async () => {
    const tokenizer = await loadTokenizer(join(folder, 'tokenizer.model'))
    for await (const { ids, text } of jsonLines<{ ids: number[]; text: string }>(
      join(folder, 'decodings.jsonl'),
    )) {
      const decoder = tokenizer.createDecoder()
      expect(tokenizer.decode(ids)).toBe(text)
      expect(ids.map((id) => decoder.push(id)).join('') + decoder.end()).toBe(text)
    }
  })
})
