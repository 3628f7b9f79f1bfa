import {
  copyFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseManifest } from '../../lib/checkpoint/manifest.js'
import { openCheckpoint } from '../../lib/checkpoint/open.js'
import { CheckpointError } from '../../lib/errors.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, save, tinyModel } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** As small as a model can be, so that every byte can have its turn. */
const table = parameterTable({ ...tinyModel, vocabSize: 2, width: 2, feedForward: 1, layers: 1, headDim: 2 })
const names = ['manifest.json', 'weights.safetensors', 'm.safetensors', 'v.safetensors']

async function smallCheckpoint(step = 1, folder = temporaryFolder()): Promise<string> {
  const region = (seed: number) => [filledRegion(table, step * 3 + seed)]
  const regions = { weights: region(0), m: region(1), v: region(2) }
  return (await save(folder, step, { parameters: table.parameters, regions })).path
}

/** Refused, and by an error that is meant for it. */
async function damaged(path: string): Promise<boolean> {
  try {
    await openCheckpoint(path)
    return false
  } catch (error) {
    if (error instanceof CheckpointError) return true
    throw error
  }
}

test.each(names)('a flip in any byte of %s is found', async (name) => {
  const path = await smallCheckpoint()
  const bytes = await readFile(join(path, name))
  const file = await open(join(path, name), 'r+')
  try {
    for (let i = 0; i < bytes.length; i++) {
      const flipped = Uint8Array.of(bytes[i]! ^ (1 << (i % 8)))
      await file.write(flipped, 0, 1, i)
      if (!(await damaged(path))) expect.fail(`bit ${i % 8} of byte ${i} went unnoticed`)
      await file.write(bytes, i, 1, i)
    }
  } finally {
    await file.close()
  }
  expect(await damaged(path)).toBe(false)
})

test('every bit of every byte of the manifest counts', async () => {
  const bytes = await readFile(join(await smallCheckpoint(), 'manifest.json'))
  expect(() => parseManifest('manifest.json', bytes)).not.toThrow()
  for (let i = 0; i < 8 * bytes.length; i++) {
    const bit = 1 << (i % 8)
    bytes[i >> 3]! ^= bit
    const read = () => parseManifest('manifest.json', bytes)
    expect(read, `bit ${i % 8} of byte ${i >> 3}`).toThrow(CheckpointError)
    bytes[i >> 3]! ^= bit
  }
})

test.each(names)('a truncation of %s at any byte is found', async (name) => {
  const path = await smallCheckpoint()
  const file = join(path, name)
  const bytes = await readFile(file)
  for (let length = bytes.length - 1; length >= 0; length--) {
    await truncate(file, length)
    if (!(await damaged(path))) expect.fail(`cut to ${length} bytes went unnoticed`)
  }
  await writeFile(file, bytes)
  expect(await damaged(path)).toBe(false)
})

test.each(names)('bytes added to %s are found, at its end and before its beginning', async (name) => {
  const path = await smallCheckpoint()
  const file = join(path, name)
  const bytes = await readFile(file)
  for (const added of [' ', '\n', '\0', '{}']) {
    for (const parts of [
      [bytes, Buffer.from(added)],
      [Buffer.from(added), bytes],
    ]) {
      await writeFile(file, Buffer.concat(parts))
      expect(await damaged(path)).toBe(true)
    }
  }
  await writeFile(file, bytes)
  expect(await damaged(path)).toBe(false)
})

test.each(names)('%s that is missing, or no file, is found', async (name) => {
  const path = await smallCheckpoint()
  const file = join(path, name)
  await rm(file)
  expect(await damaged(path)).toBe(true)
  await mkdir(file)
  expect(await damaged(path)).toBe(true)
  await rm(file, { recursive: true })
  await symlink('/dev/zero', file) // a link to what is no regular file, and never ends
  expect(await damaged(path)).toBe(true)
})

test('files that have changed places are found, though each is whole', async () => {
  const path = await smallCheckpoint()
  const [, ...files] = names.map((name) => join(path, name))
  expect(new Set(await Promise.all(files.map(async (file) => (await stat(file)).size))).size).toBe(1)
  const aside = join(path, 'aside')
  const swap = async (a: string, b: string) => {
    await rename(a, aside)
    await rename(b, a)
    await rename(aside, b)
  }
  for (const [a, b] of [
    [0, 1],
    [1, 2],
    [0, 2],
  ] as const) {
    await swap(files[a]!, files[b]!)
    expect(await damaged(path)).toBe(true)
    await swap(files[a]!, files[b]!)
  }
  expect(await damaged(path)).toBe(false)
})

test.each(names)('%s of another checkpoint of the same run is found', async (name) => {
  const folder = temporaryFolder()
  const [first, second] = [await smallCheckpoint(1, folder), await smallCheckpoint(2, folder)]
  await copyFile(join(first, name), join(second, name))
  expect(await damaged(second)).toBe(true)
  expect(await damaged(first)).toBe(false)
})
