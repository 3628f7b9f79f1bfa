import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { decompress } from '../../lib/data/zstd/decompress.js'
import { History } from '../../lib/data/zstd/history.js'
import { XxHash64 } from '../../lib/data/zstd/xxhash64.js'
import { DataError } from '../../lib/errors.js'
import { sharedData } from '../helpers/shared-data.js'
import { ZSTD_FILES, prose } from '../helpers/zstd-content.js'
import { rawFrame, repeatedFrame, skippableFrame } from '../helpers/zstd-frames.js'

const golden = (name: string) => readFile(new URL(`golden/${name}`, import.meta.url))

/** Decodes `bytes`, handed over in chunks of `chunk` bytes. */
async function decode(bytes: Buffer, chunk = bytes.length): Promise<Buffer> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, i) =>
    bytes.subarray(i * chunk, (i + 1) * chunk),
  )
  const parts: Uint8Array[] = []
  for await (const part of decompress(Readable.from(chunks), 'test.zst')) parts.push(part)
  return Buffer.concat(parts)
}

describe('zstd decoding', () => {
  test.each(Object.entries(ZSTD_FILES))('%s gives back what zstd compressed', async (name, { content }) => {
    expect((await decode(await golden(name))).equals(content())).toBe(true)
  })

  test('does not depend on how the bytes arrive', async () => {
    const bytes = await golden('usual.zst')
    for (const chunk of [1, 2, 7, 4096])
      expect((await decode(bytes, chunk)).equals(prose(9000, 1))).toBe(true)
  })

  test('frames follow one another, with skippable frames and empty ones between', async () => {
    const [first, second] = [prose(300, 8), prose(700, 9)]
    const file = Buffer.concat([
      skippableFrame(Buffer.from('an index')),
      rawFrame(first, { sized: true }),
      skippableFrame(Buffer.alloc(0), 15),
      rawFrame(Buffer.alloc(0)),
      await golden('small.zst'),
      repeatedFrame(0x61, 70_000),
      rawFrame(second),
      skippableFrame(Buffer.alloc(300_000), 7),
    ])
    const whole = Buffer.concat([first, prose(120, 4), Buffer.alloc(70_000, 'a'), second])
    for (const chunk of [3, 1000, file.length]) expect((await decode(file, chunk)).equals(whole)).toBe(true)
  })

  test('a file that is cut off anywhere is an error with its offset', async () => {
    const bytes = await golden('small.zst')
    for (let length = 1; length < bytes.length; length++) {
      await expect(decode(bytes.subarray(0, length))).rejects.toThrow(
        new RegExp(`test.zst: zstd data is damaged before byte ${length} .*cut off`),
      )
    }
  })

  test('a flipped bit anywhere is an error or changes nothing', async () => {
    const bytes = await golden('small.zst')
    const content = prose(120, 4)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const result = await decode(flipped).catch((error: unknown) => error)
      if (!(result instanceof DataError))
        expect({ bit, same: content.equals(result as Buffer) }).toEqual({ bit, same: true })
    }
  })

  test('damage in a larger file is found by its checksum at the latest', async () => {
    const bytes = await golden('streamed.zst')
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(bytes)
        changed[at]! ^= change
        const result = await decode(changed).catch((error: unknown) => error)
        if (!(result instanceof DataError)) expect(prose(40_000, 2).equals(result as Buffer)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  test('bytes that are not zstd never do anything but fail', async () => {
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        await decode(Buffer.concat([magic, bytes])).catch((error: unknown) =>
          expect(error).toBeInstanceOf(DataError),
        )
      }),
      { numRuns: 2000 },
    )
    await expect(decode(Buffer.from('plain text'))).rejects.toThrow('not a zstd frame')
  })

  test('a window beyond 1 GiB is refused without taking its memory', async () => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3])
    await expect(decode(header)).rejects.toThrow('window of 2199023255552 bytes')
  })

  test('a dictionary is refused by name', async () => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 56, 9, 1, 0, 0])
    await expect(decode(header)).rejects.toThrow('needs a dictionary')
  })

  test('a match that reaches back before the start or the window is refused', () => {
    const history = new History(4, 100, 100)
    history.append(Buffer.from('abcdef'), 0, 6)
    history.repeat(4, 6)
    expect(Buffer.from(history.since(0)).toString()).toBe('abcdefcdefcd')
    expect(() => history.repeat(5, 1)).toThrow('before the window')
    expect(() => new History(4, 100, 100).repeat(1, 1)).toThrow('before the window')
  })

  const large = sharedData('pretrain/minipile_train.jsonl.zst')
  test.skipIf(!large)('50 MB with a window of 128 MiB equal what the zstd command gives', async () => {
    const hash = createHash('sha256')
    for await (const part of decompress(createReadStream(large!), large!)) hash.update(part)
    expect(hash.digest('hex')).toBe('cb9b1d4d204010de44fbc6da415c955a83e1197dd6cfbbf0bd7fc415bda15beb')
  })
})

test('XXH64 equals its published values, in one piece and in several', () => {
  // Low halves of xxhsum -H1: '' ef46db3751d8e999, 'abc' 44bc2cf5ad770999, and 101 bytes 0 … 100.
  expect(new XxHash64().low32()).toBe(0x51d8e999)
  expect(new XxHash64().update(Buffer.from('abc')).low32()).toBe(0xad770999)
  const bytes = Uint8Array.from({ length: 101 }, (_, i) => i)
  const whole = new XxHash64().update(bytes).low32()
  for (const cut of [1, 31, 32, 33, 64, 100]) {
    const parts = new XxHash64().update(bytes.subarray(0, cut)).update(bytes.subarray(cut))
    expect(parts.low32()).toBe(whole)
  }
})
