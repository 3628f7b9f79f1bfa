/** Promise: whatever a file holds, reading it gives its rows or a DataError, in bounded memory and time. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { readDocuments } from '../../lib/data/read/documents.js'
import { findColumn, leavesOf } from '../../lib/data/read/parquet/column.js'
import { checkTree, chunkOf, readFooter } from '../../lib/data/read/parquet/footer.js'
import { pacer } from '../../lib/data/read/parquet/pace.js'
import { checkDelta, checkRuns, checkSharedStarts } from '../../lib/data/read/parquet/page-check.js'
import { dereference, readLevels } from '../../lib/data/read/parquet/page-values.js'
import { readPages } from '../../lib/data/read/parquet/pages.js'
import { snappyDecompress } from '../../lib/data/read/parquet/snappy.js'
import { StoredFile } from '../../lib/data/read/parquet/stored-file.js'
import { structEnd } from '../../lib/data/read/parquet/thrift-check.js'
import { readRows } from '../../lib/data/read/rows.js'
import { DataError } from '../../lib/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const NAMES = [
  'none',
  'snappy',
  'gzip',
  'zstd',
  'small-pages',
  'version-2-none',
  'delta-1',
  'delta-2',
  'required',
]
const golden = (name: string) => fileURLToPath(new URL(`golden/parquet/${name}.parquet`, import.meta.url))
const originals = NAMES.map((name) => readFileSync(golden(name)))

/** Rows of a file that claims more are not asked for: that they come one by one is enough. */
const ENOUGH = 2000

async function readBothWays(file: string): Promise<void> {
  for (const reading of [readDocuments([file]), readRows(file)]) {
    let seen = 0
    try {
      for await (const _ of reading) if (++seen === ENOUGH) break
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      expect(error.message).toContain(file)
    }
  }
}

/** Somewhere in the last `tail` bytes (the metadata) or anywhere, a byte becomes another. */
const change = fc.record({
  file: fc.nat(NAMES.length - 1),
  at: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255), fc.boolean()), {
    minLength: 1,
    maxLength: 4,
  }),
  cut: fc.option(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 200 })), {
    freq: 5,
  }),
})

describe('mutated files', () => {
  test('give rows or a DataError that names them', { timeout: 120_000 }, async () => {
    const file = join(temporaryFolder(), 'mutated.parquet')
    const before = process.memoryUsage().rss
    await fc.assert(
      fc.asyncProperty(change, async (mutation) => {
        writeFileSync(file, mutated(mutation))
        await readBothWays(file)
      }),
      { numRuns: 400 },
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(1.5 * 2 ** 30)
  })
})

function mutated({ file, at, cut }: typeof change extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const original = originals[file]!
  const bytes = Buffer.from(original)
  const metadata = original.length - 8 - original.readUInt32LE(original.length - 8)
  for (const [where, value, inMetadata] of at) {
    const from = inMetadata ? metadata : 4
    bytes[from + Math.floor(where * (bytes.length - 4 - from))] = value
  }
  if (cut === null) return bytes
  // Bytes are taken out before the metadata, which stays whole and is wrong from then on.
  const start = 4 + Math.floor(cut[0] * (metadata - 4))
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(Math.min(start + cut[1], metadata))])
}

describe('metadata that contradicts itself or the pages', () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]

  /** Reads a file with the given bytes. */
  async function read(bytes: Uint8Array): Promise<string[]> {
    const file = join(temporaryFolder(), 'made.parquet')
    writeFileSync(file, bytes)
    const texts: string[] = []
    for await (const { text } of readDocuments([file])) texts.push(text)
    return texts
  }

  test('any two of its counts changed together are noticed', async () => {
    const original = readFileSync(golden('required'))
    const whole = await read(original)
    const metadata = original.length - 8 - original.readUInt32LE(original.length - 8)
    // 60 rows, in the format's zigzag numbers. They stand for the file, its row group and each of its columns.
    const counts = [...original.keys()].filter((at) => at > metadata && original[at] === 120)
    expect(counts.length).toBeGreaterThan(3)
    const messages = new Set<string>()
    for (const [i, first] of counts.entries()) {
      for (const second of counts.slice(i)) {
        const bytes = Buffer.from(original)
        bytes[first] = bytes[second] = 118
        const result = await read(bytes).catch((error: Error) => error)
        if (Array.isArray(result)) expect(result).toEqual(whole)
        else expect(result).toBeInstanceOf(DataError)
        messages.add(/parquet: (.*?)\. Fetch/.exec(String(result))?.[1] ?? 'none')
      }
    }
    expect(messages).toContain('it states 59 rows, its row groups have 60')
    expect(messages).toContain('column text states 60 values in a row group of 59 rows')
    expect(messages).toContain('column text states 59 values in a row group of 60 rows')
  })

  test('a list of 2^31 row groups', async () => {
    const metadata = Buffer.from([0x15, 2, 0x19, 0xfc, ...varint(2 ** 31 - 1), 0, 0])
    const length = Buffer.alloc(4)
    length.writeUInt32LE(metadata.length)
    const bytes = Buffer.concat([Buffer.from('PAR1'), metadata, length, Buffer.from('PAR1')])
    await expect(read(bytes)).rejects.toThrow('its metadata ends before it is complete')
    length.writeUInt32LE(2 ** 31)
    const longer = Buffer.concat([Buffer.from('PAR1'), metadata, length, Buffer.from('PAR1')])
    await expect(read(longer)).rejects.toThrow('states metadata of 2147483648 bytes')
  })

  test('schemas that are no tree', async () => {
    const original = readFileSync(golden('required'))
    const children = original.indexOf(Buffer.from([...Buffer.from('schema'), 0x15, 4])) + 7
    original[children] = 2 // one child, in zigzag
    await expect(read(original)).rejects.toThrow('its schema has columns outside of its root')
    const element = (name: string, num_children?: number) => ({ name, ...(num_children && { num_children }) })
    expect(() => checkTree([element('root', 2), element('a'), element('b')])).not.toThrow()
    expect(() => checkTree([element('root', 2), element('a', 1), element('b'), element('c')])).not.toThrow()
    expect(() => checkTree([element('root', 2), element('a')])).toThrow('incomplete')
    expect(() => checkTree([element('root', 1), element('a'), element('b')])).toThrow('outside of its root')
    expect(() => checkTree([element('root', -1)])).toThrow('has -1 children')
    expect(() => checkTree([])).toThrow('incomplete')
    const deep = Array.from({ length: 100 }, (_, i) => element(`level ${i}`, 1))
    expect(() => checkTree([...deep, element('leaf')])).toThrow('nested more than 32 levels deep')
  })

  test('chunks of another size or number of values than their pages', async () => {
    const file = await StoredFile.open(golden('none'))
    const { schema, groups } = await readFooter(file)
    const [leaf] = leavesOf(schema, findColumn(schema, 'text', file.path))
    const chunk = chunkOf(groups[0]!, leaf!.path)
    const read = async (changed: Partial<typeof chunk>) => {
      const options = { convert: <T>(values: T) => values, pace: pacer() }
      let entries = 0
      for await (const page of readPages(file, { ...chunk, ...changed }, leaf!, options))
        entries += page.entries
      return entries
    }
    expect(await read({})).toBe(60)
    await expect(read({ end: chunk.end - 5 })).rejects.toThrow(
      /a page of \d+ bytes begins \d+ bytes before its column/,
    )
    await expect(read({ entries: 59 })).rejects.toThrow('more than the 59 values it states')
    await expect(read({ entries: 61 })).rejects.toThrow('before all of its values')
    await file.close()
  })

  test('levels and dictionary indices beyond what there is', () => {
    const levels = (max: number, ...bytes: number[]) =>
      readLevels(Uint8Array.from(bytes), 0, bytes.length, max, 8)
    expect(levels(4, 3, 0x88, 0x46, 0x84)).toEqual([0, 1, 2, 3, 4, 0, 1, 4])
    expect(() => levels(4, 3, 0xff, 0xff, 0xff)).toThrow('the level 7 where 4 is the highest')
    expect(() => levels(1, ...varint(2 ** 30), 1)).toThrow('a run of 536870912 where 8 are left')
    expect(dereference([1, 0, 1], ['a', 'b'])).toEqual(['b', 'a', 'b'])
    expect(() => dereference([1, 2], ['a', 'b'])).toThrow('names entry 2 of a dictionary of 2')
    expect(() => dereference([0], undefined)).toThrow('none came before it')
  })
})

describe('claims are held against the bytes', () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]

  test('lists and strings in metadata', () => {
    const list = (count: number) => Uint8Array.of(0x19, 0xf5, ...varint(count), 0, 0, 0)
    expect(structEnd(list(2))).toBe(6)
    expect(structEnd(list(2 ** 31 - 1))).toBeUndefined()
    expect(structEnd(Uint8Array.of(0x18, ...varint(2 ** 30), 0x61, 0))).toBeUndefined()
    expect(() => structEnd(Uint8Array.of(0x1b, 0))).toThrow('unknown type 11')
    expect(() => structEnd(new Uint8Array(1e6).fill(0x1c))).toThrow('nested too deeply')
    const parts = new Uint8Array(3e6)
    parts.set([0x19, 0xfc, ...varint(2_999_990)])
    expect(() => structEnd(parts)).toThrow('more than 2000000 parts')
  })

  test('runs of repeated and of packed values', () => {
    expect(() => checkRuns(Uint8Array.of(...varint(2 * 8), 1), 0, 1, 8)).not.toThrow()
    expect(() => checkRuns(Uint8Array.of(...varint(2 * 9), 1), 0, 1, 8)).toThrow(
      'a run of 9 where 8 are left',
    )
    expect(() => checkRuns(Uint8Array.of(...varint(2 ** 30), 1), 0, 1, 8)).toThrow('where 8 are left')
    expect(() => checkRuns(Uint8Array.of(...varint(2 ** 30 + 1), 1), 0, 0, 8)).toThrow('where 8 are left')
    expect(() => checkRuns(Uint8Array.of(3), 0, 1, 8)).toThrow('ends within a run')
    expect(() => checkRuns(Uint8Array.of(0xff), 0, 1, 8)).toThrow('ends within a number')
  })

  test('delta blocks', () => {
    // 128 values a block in 4 parts, 2 in all, the first 0; the smallest delta 0, no bits each.
    const good = [128, 1, 4, 2, 0, 0, 0, 0, 0, 0]
    expect(checkDelta(Uint8Array.from(good), 0, 2, 32)).toBe(10)
    const bad = (...bytes: number[]) => expect(() => checkDelta(Uint8Array.from(bytes), 0, 2, 32))
    bad(128, 1, 0, 2, 0, 0).toThrow('delta blocks of 128 values in 0 parts')
    bad(128, 1, ...varint(0xffffffff), 2, 0, 0).toThrow('delta blocks')
    bad(0, 4, 2, 0, 0).toThrow('delta blocks of 0 values')
    bad(128, 1, 4, 3, 0, 0, 0, 0, 0, 0).toThrow('3 in all')
    bad(128, 1, 4, 2, 0, 0, 33, 0, 0, 0).toThrow('deltas of 33 bits')
    bad(128, 1, 4, 2, 0, 0, 8, 0, 0, 0).toThrow('ends within its deltas')
  })

  test('strings that share their starts without end', () => {
    // Prefixes 0, 100, 200: each string would be longer than what came before it.
    const deltas = (first: number, step: number) => [128, 1, 4, 3, first * 2, step * 2, 0, 0, 0, 0]
    const page = Uint8Array.from([...deltas(0, 60), ...deltas(60, 0)])
    expect(() => checkSharedStarts(page, 0, 3, 360)).not.toThrow()
    expect(() => checkSharedStarts(page, 0, 3, 359)).toThrow('take 360 bytes, more than the 359')
    const short = Uint8Array.from([...deltas(0, 61), ...deltas(60, 0)])
    expect(() => checkSharedStarts(short, 0, 3, 1000)).toThrow('shares more than there is')
  })

  test('snappy: lengths that lead back, copies from nowhere, too much and too little', async () => {
    const pace = pacer()
    const decode = (size: number, ...bytes: number[]) => snappyDecompress(Uint8Array.from(bytes), size, pace)
    expect(Buffer.from(await decode(7, 7, 0x08, 97, 98, 99, 0x01, 3)).toString()).toBe('abcabca')
    // A literal of 2^32 − 5 bytes: taken for a negative number, it would be read again for ever.
    await expect(decode(7, 7, 0xfc, 0xfa, 0xff, 0xff, 0xff, 1, 2)).rejects.toThrow('cut off')
    await expect(decode(7, 7, 0x01, 3)).rejects.toThrow('copies from before its start')
    await expect(decode(7, 7, 0x08, 97, 98, 99, 0x0d, 0)).rejects.toThrow('copies from before')
    await expect(decode(2, 2, 0x08, 97, 98, 99)).rejects.toThrow('longer than it states')
    await expect(decode(4, 4, 0x08, 97, 98, 99)).rejects.toThrow('ends after 3 of 4')
    await expect(decode(5, 4, 0x08, 97, 98, 99)).rejects.toThrow('does not have the size')
  })
})
