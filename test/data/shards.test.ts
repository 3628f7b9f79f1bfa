import { existsSync, readFileSync, readdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { saving } from '../../lib/data/shards/durable.js'
import { HEADER_BYTES } from '../../lib/data/shards/format.js'
import type { TokenType } from '../../lib/data/shards/format.js'
import { streamFingerprint } from '../../lib/data/shards/manifest.js'
import type { Manifest } from '../../lib/data/shards/manifest.js'
import { TokenSetWriter } from '../../lib/data/shards/set-writer.js'
import { TokenSet } from '../../lib/data/shards/token-set.js'
import { sliceTokens, tokensInMemory } from '../../lib/data/shards/token-source.js'
import { verifyTokenSet } from '../../lib/data/shards/verify.js'
import { DataError } from '../../lib/errors.js'
import { integers } from '../helpers/random-data.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const tokenizer = { name: 'test', fingerprint: 'f', vocabSize: 60_000, bosId: 1, eosId: 2 }
const about = { key: '0'.repeat(64), marks: { bos: true, eos: false }, sources: [] }

interface SetOptions {
  ids: Int32Array
  shardTokens?: number
  type?: TokenType
}

async function makeSet({ ids, shardTokens = 1000, type = 'uint16' }: SetOptions): Promise<string> {
  const folder = join(temporaryFolder(), 'tokens')
  const writer = await TokenSetWriter.create(folder, { type, shardTokens, tokenizer })
  await writer.append(ids, true)
  await writer.commit(about)
  return folder
}

async function readAll(folder: string): Promise<Int32Array> {
  const set = await TokenSet.open(folder)
  try {
    const out = new Int32Array(set.tokens)
    await set.read(0, out)
    return out
  } finally {
    await set.close()
  }
}

describe('token sets', () => {
  test.each(['uint16', 'uint32'] as const)(
    'ids come back from %s shards, over every border',
    async (type) => {
      const ids = integers(2500, 60_000, 1)
      const set = await TokenSet.open(await makeSet({ ids, type }))
      expect(set.manifest.shards.map(({ tokens }) => tokens)).toEqual([1000, 1000, 500])
      await fc.assert(
        fc.asyncProperty(fc.nat(2500), fc.nat(2500), async (a, b) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b)]
          // Into the middle of a larger array: nothing beside the range may be touched.
          const out = new Int32Array(to - from + 2).fill(-7)
          await set.read(from, out.subarray(1, -1))
          expect(out).toEqual(Int32Array.of(-7, ...ids.subarray(from, to), -7))
        }),
      )
      await set.close()
    },
  )

  test('writing in any pieces gives the same files', async () => {
    const ids = integers(1_200_000, 60_000, 2)
    const whole = await makeSet({ ids, shardTokens: 700_000 })
    const folder = join(temporaryFolder(), 'tokens')
    const writer = await TokenSetWriter.create(folder, { type: 'uint16', shardTokens: 700_000, tokenizer })
    for (let at = 0, n = 1; at < ids.length; at += n, n = (n * 3) % 99_991)
      await writer.append(ids.subarray(at, at + n), at === 0)
    await writer.commit(about)
    for (const name of readdirSync(whole)) {
      expect(readFileSync(join(folder, name)).equals(readFileSync(join(whole, name)))).toBe(true)
    }
  })

  test('a set is not there until it is complete, and an abandoned one leaves nothing', async () => {
    const folder = join(temporaryFolder(), 'tokens')
    const layout = { type: 'uint16', shardTokens: 10, tokenizer } as const
    const writer = await TokenSetWriter.create(folder, layout)
    await writer.append(integers(25, 100, 3), true)
    expect(existsSync(folder)).toBe(false)
    await writer.abandon()
    expect(readdirSync(join(folder, '..'))).toEqual([])
  })

  test('what a killed process left is cleared by the next run, what a living one writes is not', async () => {
    const folder = join(temporaryFolder(), 'tokens')
    const layout = { type: 'uint16', shardTokens: 10, tokenizer } as const
    const living = await TokenSetWriter.create(folder, layout)
    const [mine] = readdirSync(join(folder, '..'))
    const dead = await TokenSetWriter.create(folder.replace('tokens', 'other'), layout)
    await dead.abandon()
    // No process has this number: Linux stops at 2^22.
    writeFileSync(join(folder, '..', mine!.replace(`-${process.pid}-`, '-99999999-')), '')
    await (await TokenSetWriter.create(folder, layout)).abandon()
    expect(readdirSync(join(folder, '..'))).toEqual([mine])
    await living.abandon()
  })

  test('ranges outside the set and closed sets are refused', async () => {
    const set = await TokenSet.open(await makeSet({ ids: integers(20, 100, 4) }))
    for (const [position, count] of [
      [-1, 1],
      [20, 1],
      [15, 6],
      [0.5, 1],
      [NaN, 1],
      [2 ** 60, 1],
    ] as const) {
      await expect(set.read(position, new Int32Array(count))).rejects.toBeInstanceOf(DataError)
    }
    await set.close()
    await set.close()
    await expect(set.read(0, new Int32Array(1))).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
  })

  test('closing waits for the reads under way', async () => {
    const ids = integers(1000, 60_000, 5)
    const set = await TokenSet.open(await makeSet({ ids, shardTokens: 100 }))
    const out = new Int32Array(1000)
    const reading = set.read(0, out)
    await set.close()
    await reading
    expect(out).toEqual(ids)
  })
})

describe('damage', () => {
  test('any byte of a shard that is flipped is found: the head on opening, the content by its hash', async () => {
    const folder = await makeSet({ ids: integers(40, 60_000, 6) })
    const file = join(folder, 'shard-00000.tokens')
    const good = readFileSync(file)
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good)
      bad[at]! ^= 1 << (at % 8)
      writeFileSync(file, bad)
      const check = at < HEADER_BYTES ? readAll(folder) : verifyTokenSet(folder, { again: true })
      await expect(check, `byte ${at}`).rejects.toMatchObject({ code: 'ERR_DATA', file })
    }
  })

  test('a shard that is cut off or longer than promised is found on opening', async () => {
    const folder = await makeSet({ ids: integers(40, 60_000, 7) })
    const file = join(folder, 'shard-00000.tokens')
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.of(0)]))
    await expect(TokenSet.open(folder)).rejects.toThrow(/has 337 bytes where its head promises 336/)
    for (const size of [335, 256, 255, 1, 0]) {
      truncateSync(file, size)
      await expect(TokenSet.open(folder)).rejects.toBeInstanceOf(DataError)
    }
  })

  test('a shard that is cut short while in use is an error of that read, not a crash', async () => {
    const folder = await makeSet({ ids: integers(4000, 60_000, 8), shardTokens: 4000 })
    const set = await TokenSet.open(folder)
    truncateSync(join(folder, 'shard-00000.tokens'), HEADER_BYTES + 1000)
    await expect(set.read(0, new Int32Array(4000))).rejects.toThrow(
      /ends at byte 1256: it was cut short while in use/,
    )
    await set.close()
  })

  test('ids outside the vocabulary never reach the model', async () => {
    const folder = await makeSet({ ids: Int32Array.of(1, 2, 60_000, 3) })
    await expect(readAll(folder)).rejects.toThrow(/ids of 60000 or more/)
  })

  test('foreign files, other versions, swapped shards are told apart', async () => {
    const folder = await makeSet({ ids: integers(60, 60_000, 9), shardTokens: 20 })
    const [first, second] = [join(folder, 'shard-00001.tokens'), join(folder, 'shard-00002.tokens')]
    const bytes = readFileSync(first)
    writeFileSync(first, readFileSync(second))
    await expect(TokenSet.open(folder)).rejects.toThrow(/not the shard that the manifest beside it describes/)
    const newer = Buffer.from(bytes)
    newer.writeUInt32LE(2, 8)
    writeFileSync(first, newer)
    await expect(TokenSet.open(folder)).rejects.toThrow(/version 2, and this release reads version 1/)
    writeFileSync(first, Buffer.alloc(1000, 'text'))
    await expect(TokenSet.open(folder)).rejects.toThrow(/is not a token shard/)
  })

  test('a damaged manifest is refused, and cannot lead out of its folder', async () => {
    const folder = await makeSet({ ids: integers(40, 60_000, 10) })
    const file = join(folder, 'manifest.json')
    const good = JSON.parse(readFileSync(file, 'utf8')) as Manifest
    const shard = good.shards[0]!
    const bad: [unknown, RegExp][] = [
      [{ ...good, tokens: 41 }, /tokens add up to 40, not 41/],
      [{ ...good, shards: [{ ...shard, file: '../../etc/passwd' }] }, /shards\.0\.file/],
      [{ ...good, extra: 1 }, /extra/],
      [{ ...good, version: 9 }, /version/],
      [[], /the whole/],
    ]
    for (const [content, message] of bad) {
      writeFileSync(file, JSON.stringify(content))
      await expect(TokenSet.open(folder)).rejects.toThrow(message)
    }
    writeFileSync(file, '{"format":')
    await expect(TokenSet.open(folder)).rejects.toThrow(/is damaged/)
    await expect(TokenSet.open(join(folder, 'none'))).rejects.toThrow(/manifest\.json does not exist/)
  })

  test('a set is hashed once; again when it was touched or when asked', async () => {
    const folder = await makeSet({ ids: integers(40, 60_000, 11), shardTokens: 25 })
    let hashed: number[] = []
    const verify = async (again = false) => {
      hashed = []
      await verifyTokenSet(folder, { again, onProgress: (done, total) => hashed.push(done / total) })
      return hashed.at(-1)
    }
    expect(await verify()).toBe(1)
    expect(await verify()).toBeUndefined()
    expect(await verify(true)).toBe(1)
    utimesSync(join(folder, 'shard-00001.tokens'), 1, 1)
    expect(await verify()).toBe(1)
    await expect(verifyTokenSet(folder, { again: true, signal: AbortSignal.abort() })).rejects.toThrow()
  })
})

test.each([
  ['ENOSPC', /Cannot write .*out \(ENOSPC\)\. The disk is full/],
  ['EROFS', /may not be written/],
  ['EIO', /Check the disk/],
])('a write that fails with %s is a typed error that says what to do', async (code, message) => {
  const failing = () => Promise.reject(Object.assign(new Error('x'), { code, syscall: 'write' }))
  await expect(saving('/data/out', failing)).rejects.toThrow(message)
  await expect(saving('/data/out', failing)).rejects.toMatchObject({ code: 'ERR_SAVE' })
})

test('the fingerprint of a stream changes with its tokens and tokenizer, not with its sources', async () => {
  const folder = await makeSet({ ids: integers(40, 100, 12) })
  const { manifest } = await TokenSet.open(folder)
  const same = { ...manifest, key: '1'.repeat(64), sources: [{ path: '/x', bytes: 1, modifiedMs: 2 }] }
  const other = { ...manifest, tokenizer: { ...tokenizer, fingerprint: 'g' } }
  expect(streamFingerprint(same)).toBe(streamFingerprint(manifest))
  expect(streamFingerprint(other)).not.toBe(streamFingerprint(manifest))
})

test('slices of a source are sources', async () => {
  const slice = sliceTokens(sliceTokens(tokensInMemory(Int32Array.of(0, 1, 2, 3, 4, 5), 6), 1, 5), 1, 4)
  const out = new Int32Array(slice.tokens)
  await slice.read(0, out)
  expect(out).toEqual(Int32Array.of(2, 3, 4))
  await expect(slice.read(1, out)).rejects.toThrow('Tokens from 1 to 4 are asked for; there are 3.')
  expect(() => sliceTokens(slice, 2, 4)).toThrow(DataError)
})
