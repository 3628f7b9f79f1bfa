import { appendFileSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readDocuments } from '../../lib/data/read/documents.js'
import type { ReadOptions } from '../../lib/data/read/documents.js'
import { expandInputs } from '../../lib/data/read/glob.js'
import { findColumn, leavesOf } from '../../lib/data/read/parquet/column.js'
import { readFooter } from '../../lib/data/read/parquet/footer.js'
import { LeafCursor } from '../../lib/data/read/parquet/leaf-cursor.js'
import { pacer } from '../../lib/data/read/parquet/pace.js'
import { StoredFile } from '../../lib/data/read/parquet/stored-file.js'
import { readRows } from '../../lib/data/read/rows.js'
import type { Row, RowOptions } from '../../lib/data/read/rows.js'
import { tokenizeCorpus } from '../../lib/data/tokenize-corpus.js'
import { byteEncoder } from '../helpers/byte-encoder.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Written by pyarrow: ../oracle/make-parquet.py. */
const golden = (name: string) => fileURLToPath(new URL(`golden/parquet/${name}`, import.meta.url))

/** The same rows in every codec, encoding and page layout. */
const SAME_ROWS = [
  ...['none', 'snappy', 'gzip', 'brotli', 'zstd'],
  ...['small-pages', 'plain', 'dictionary-full', 'version-2', 'version-2-none', 'delta-1', 'delta-2'],
]

async function texts(file: string, options: ReadOptions = {}): Promise<string[]> {
  const found: string[] = []
  for await (const { text } of readDocuments([file], options)) found.push(text)
  return found
}

async function rows(file: string, options: RowOptions = {}): Promise<Row[]> {
  const found: Row[] = []
  for await (const row of readRows(file, options)) found.push(row)
  return found
}

const fields = (found: Row[]) => found.map((row) => row.fields)

const expectedRows = readFileSync(golden('rows.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Record<string, unknown>)
const expectedTexts = expectedRows.map(({ text }) => text as string).filter((text) => text !== '')

describe('parquet as a corpus', () => {
  test.each(SAME_ROWS)('%s.parquet holds the documents of rows.jsonl', async (name) => {
    expect(await texts(golden(`${name}.parquet`))).toEqual(expectedTexts)
  })

  test('a row is a document, and its number is known; empty ones are left out', async () => {
    const found: number[] = []
    for await (const { source, continued } of readDocuments([golden('snappy.parquet')])) {
      expect(continued).toBe(false)
      found.push(source.row!)
    }
    expect(found).toEqual(expectedRows.flatMap(({ text }, i) => (text === '' ? [] : [i + 1])))
  })

  test('columns that may not be null, and large strings', async () => {
    expect(await texts(golden('required.parquet'))).toEqual(expectedTexts)
    expect(await texts(golden('large-string.parquet'))).toEqual(expectedTexts)
  })

  test('another column can hold the text', async () => {
    const kinds = expectedRows.map(({ kind }) => kind)
    for (const name of SAME_ROWS) {
      expect(await texts(golden(`${name}.parquet`), { textField: 'kind' })).toEqual(kinds)
    }
  })

  test('the same rows give the same token shards as JSON lines', async () => {
    const folder = temporaryFolder()
    const tokenize = (name: string) =>
      tokenizeCorpus({ inputs: golden(name), out: join(folder, name), tokenizer: byteEncoder() })
    const shards = (await tokenize('rows.jsonl')).manifest.shards
    expect((await tokenize('zstd.parquet')).manifest.shards).toEqual(shards)
    expect((await tokenize('small-pages.parquet')).manifest.shards).toEqual(shards)
  })

  test('the column and the file are part of what identifies a token set', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'a.parquet')
    copyFileSync(golden('snappy.parquet'), file)
    const out = join(folder, 'tokens')
    const tokenize = (textField: string) =>
      tokenizeCorpus({ inputs: file, out, tokenizer: byteEncoder(), textField })
    await tokenize('text')
    expect((await tokenize('text')).reused).toBe(true)
    await expect(tokenize('kind')).rejects.toThrow('other inputs, another tokenizer or other options')
    copyFileSync(golden('zstd.parquet'), file)
    await expect(tokenize('text')).rejects.toThrow('other inputs, another tokenizer or other options')
  })

  test.each(['small-pages', 'snappy', 'no-rows'])('progress through %s ends at its size', async (name) => {
    const file = golden(`${name}.parquet`)
    const pieces: number[] = []
    await texts(file, { onRead: (bytes) => pieces.push(bytes) }).catch(() => undefined)
    expect(pieces.every((bytes) => bytes > 0)).toBe(true)
    expect(pieces.reduce((sum, bytes) => sum + bytes, 0)).toBe(statSync(file).size)
  })

  test('what is passed over counts as soon as a row group is done with', async () => {
    let bytes = 0
    const onRead = (count: number) => (bytes += count)
    const reading = readDocuments([golden('small-pages.parquet')], { textField: 'kind', onRead })
    for await (const { source } of reading) if (source.row === 23) break
    expect(bytes).toBeLessThan(1000)
    const more = readDocuments([golden('small-pages.parquet')], { textField: 'kind', onRead })
    bytes = 0
    for await (const { source } of more) if (source.row === 24) break
    // The second of three row groups has begun; the first has some 4 kB, its column of kinds 300 bytes.
    expect(bytes).toBeGreaterThan(3000)
  })

  test('nothing is read ahead of what is asked for', async () => {
    let bytes = 0
    const documents = readDocuments([golden('small-pages.parquet')], { onRead: (count) => (bytes += count) })
    await documents.next()
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(1000)
    await documents.return()
  })

  test('a signal stops the reading', async () => {
    const stop = new AbortController()
    const documents = readDocuments([golden('snappy.parquet')], { signal: stop.signal })
    await documents.next()
    stop.abort(new Error('enough'))
    await expect(documents.next()).rejects.toThrow('enough')
    const reading = rows(golden('snappy.parquet'), { signal: stop.signal })
    await expect(reading).rejects.toThrow('enough')
  })
})

describe('parquet as rows', () => {
  test.each(SAME_ROWS)('%s.parquet holds the rows of rows.jsonl', async (name) => {
    const found = await rows(golden(`${name}.parquet`))
    expect(fields(found)).toEqual(expectedRows)
    expect(found[6]).toMatchObject({ file: golden(`${name}.parquet`), place: 'row 7' })
  })

  test('a row that goes on in the next page, as some writers have it', async () => {
    const source = await StoredFile.open(golden('long-lists.parquet'))
    const { schema } = await readFooter(source)
    const [leaf] = leavesOf(schema, findColumn(schema, 'n', source.path))
    await source.close()
    // Rows [1, 2, 3] and [4], cut behind the 2: the levels as runs, then the values as 32-bit integers.
    const page = (repetition: number, ...values: number[]) => {
      const levels = [2, 0, 0, 0, 3, repetition, 2, 0, 0, 0, values.length * 2, 3]
      const body = [...levels, ...values.flatMap((value) => [value, 0, 0, 0])]
      const size = body.length * 2 // zigzag
      return [
        0x15,
        0,
        0x15,
        size,
        0x15,
        size,
        0x2c,
        0x15,
        values.length * 2,
        0x15,
        0,
        0x15,
        6,
        0x15,
        6,
        0,
        0,
        ...body,
      ]
    }
    const file = join(temporaryFolder(), 'pages')
    const bytes = Buffer.from([...page(0b10, 1, 2), ...page(0b01, 3, 4)])
    writeFileSync(file, bytes)
    const stored = await StoredFile.open(file)
    const chunk = {
      path: leaf!.path,
      codec: 'UNCOMPRESSED',
      start: 0,
      end: bytes.length,
      entries: 4,
    } as const
    const cursor = new LeafCursor(stored, chunk, leaf!, pacer())
    expect((await cursor.take(1)).flat(Infinity)).toEqual([1, 2, 3])
    expect((await cursor.take(1)).flat(Infinity)).toEqual([4])
    await cursor.finish()
    await stored.close()
  })

  test('long lists, and more rows than are read at a time', async () => {
    const found = fields(await rows(golden('long-lists.parquet')))
    expect(found.length).toBe(700)
    const wanted = found.map((_, i) => ({
      n: Array.from({ length: i % 128 === 127 ? 900 : i % 3 }, (_, k) => k),
    }))
    expect(found).toEqual(wanted)
  })

  test('only the columns that are named, from either format', async () => {
    const columns = ['answer', 'id']
    const wanted = expectedRows.map(({ answer, id }) => ({ answer, id }))
    expect(fields(await rows(golden('gzip.parquet'), { columns }))).toEqual(wanted)
    const lines = await rows(golden('rows.jsonl'), { columns })
    expect(fields(lines)).toEqual(wanted)
    expect(lines[6]!.place).toBe('line 7')
  })

  test('a missing column is named, with those there are', async () => {
    const missing = { columns: ['id', 'txet'] }
    await expect(rows(golden('snappy.parquet'), missing)).rejects.toThrow(
      /no column "txet"; it has "id", "text", "kind".*Did you mean "text"\?/,
    )
    await expect(rows(golden('rows.jsonl'), missing)).rejects.toThrow('line 1 has no field "txet"')
  })

  test('bytes stay bytes, and no rows are none', async () => {
    expect(fields(await rows(golden('bytes.parquet')))).toEqual([
      { text: Uint8Array.from(Buffer.from('abc')) },
      { text: Uint8Array.of(0xff, 0xfe) },
    ])
    expect(await rows(golden('no-rows.parquet'))).toEqual([])
  })

  test('plain text has no rows', async () => {
    await expect(rows('a.txt')).rejects.toThrow('a.txt is plain text')
  })
})

describe('parquet that is refused', () => {
  test.each([
    [
      'a column that is not there',
      'snappy',
      'txet',
      /has no column "txet"; it has "id", "text".*mean "text"/,
    ],
    ['numbers', 'snappy', 'id', /the column "id" holds values of type INT64.*, not strings/],
    ['truth values', 'snappy', 'good', /type BOOLEAN, not strings/],
    ['lists', 'snappy', 'choices', /"choices" holds lists, not strings/],
    ['structs', 'snappy', 'answer', /"answer" holds structs, not strings/],
    ['bytes', 'bytes', 'text', /holds values of type bytes, not strings/],
    ['a null', 'snappy', 'note', /the column "note" is null in row 2, not a string/],
    ['a null in a later page', 'small-pages', 'note', /is null in row 2, not a string/],
    [
      'text that is not UTF-8',
      'latin',
      'text',
      /not UTF-8 at byte 3 \(the string in column "text", row 2\): found 0xe9/,
    ],
    [
      'a codec that is not known',
      'lz4',
      'text',
      /the column \w+ is compressed with LZ4_RAW; known are.*ZSTD/,
    ],
    ['no rows', 'no-rows', 'text', /no-rows\.parquet holds no text/],
  ])('%s', async (_, name, textField, message) => {
    const reading = texts(golden(`${name}.parquet`), { textField })
    await expect(reading).rejects.toThrow(message)
    await expect(reading).rejects.toMatchObject({ code: 'ERR_DATA', file: golden(`${name}.parquet`) })
  })

  test('what is no parquet file, or not all of one', async () => {
    const folder = temporaryFolder()
    const whole = readFileSync(golden('snappy.parquet'))
    const read = (name: string, bytes: Uint8Array | string) => {
      const file = join(folder, name)
      writeFileSync(file, bytes)
      return texts(file)
    }
    await expect(read('empty.parquet', '')).rejects.toThrow('has 0 bytes, fewer than any parquet file')
    await expect(read('text.parquet', '{"text":"a"}\n{"text":"b"}\n')).rejects.toThrow(
      'does not end with PAR1',
    )
    await expect(read('cut.parquet', whole.subarray(0, -100))).rejects.toThrow('does not end with PAR1')
    const encrypted = Buffer.concat([whole.subarray(0, -4), Buffer.from('PARE')])
    await expect(read('secret.parquet', encrypted)).rejects.toThrow('is encrypted')
    const tail = whole.subarray(-8 - whole.readUInt32LE(whole.length - 8))
    await expect(read('tail.parquet', Buffer.concat([Buffer.from('PAR1'), tail]))).rejects.toThrow(
      /the column id lies at bytes 4 to \d+, outside of the data/,
    )
    await expect(read('a.parquet.zst', whole)).rejects.toThrow('compressed inside')
    await expect(texts(join(folder, 'none.parquet'))).rejects.toThrow('none.parquet does not exist')
    await expect(texts(folder, { format: 'parquet' })).rejects.toThrow('is a folder')
  })

  test('an address', async () => {
    await expect(expandInputs('https://example.org/a.parquet')).rejects.toThrow('is an address, not a file')
    await expect(expandInputs('hf://datasets/a/*.parquet')).rejects.toThrow('is an address, not a file')
  })

  test('a page whose checksum does not match', async () => {
    const file = join(temporaryFolder(), 'a.parquet')
    const bytes = readFileSync(golden('version-2-none.parquet'))
    const at = bytes.indexOf('quick brown')
    bytes[at] = 'k'.charCodeAt(0)
    writeFileSync(file, bytes)
    await expect(texts(file)).rejects.toThrow(/a\.parquet cannot be read.*checksum of the page at byte \d+/)
  })

  test('a file that changes while it is tokenized', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'a.parquet')
    copyFileSync(golden('small-pages.parquet'), file)
    const onProgress = () => appendFileSync(file, 'more')
    const out = join(folder, 'tokens')
    const tokenizing = tokenizeCorpus({ inputs: file, out, tokenizer: byteEncoder(), onProgress })
    await expect(tokenizing).rejects.toThrow('changed while it was tokenized')
  })
})
