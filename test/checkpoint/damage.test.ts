import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openCheckpoint } from '../../lib/checkpoint/open.js'
import { saveCheckpoint } from '../../lib/checkpoint/save.js'
import { CheckpointError } from '../../lib/errors.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, readerOf, saveOf, tinyModel } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** As small as a model can be, so that every byte can have its turn. */
async function smallCheckpoint(): Promise<{ path: string; names: string[] }> {
  const table = parameterTable({
    ...tinyModel,
    vocabSize: 2,
    width: 2,
    feedForward: 1,
    layers: 1,
    headDim: 2,
  })
  const regions = { weights: readerOf(filledRegion(table, 1)) }
  const { path } = await saveCheckpoint(saveOf(temporaryFolder(), 1, { table, regions }))
  return { path, names: await readdir(path) }
}

const damaged = async (path: string) =>
  (await openCheckpoint(path).catch((error: unknown) => error)) instanceof CheckpointError

test('a flipped bit in any byte of any file is found', async () => {
  const { path, names } = await smallCheckpoint()
  expect(names).toEqual(['manifest.json', 'weights.safetensors'])
  for (const name of names) {
    const file = join(path, name)
    const bytes = await readFile(file)
    for (let i = 0; i < bytes.length; i++) {
      const flip = 1 << (i % 8)
      bytes[i]! ^= flip
      await writeFile(file, bytes)
      if (!(await damaged(path))) expect.fail(`${name}: bit ${i % 8} of byte ${i} went unnoticed`)
      bytes[i]! ^= flip
    }
    await writeFile(file, bytes)
  }
  expect(await damaged(path)).toBe(false)
})

test('a truncation of any file at any byte is found', async () => {
  const { path, names } = await smallCheckpoint()
  for (const name of names) {
    const file = join(path, name)
    const bytes = await readFile(file)
    for (let length = bytes.length - 1; length >= 0; length--) {
      await truncate(file, length)
      if (!(await damaged(path))) expect.fail(`${name}: cut to ${length} bytes went unnoticed`)
    }
    await writeFile(file, bytes)
  }
  expect(await damaged(path)).toBe(false)
})

test('bytes added to any file are found', async () => {
  const { path, names } = await smallCheckpoint()
  for (const name of names) {
    const bytes = await readFile(join(path, name))
    await writeFile(join(path, name), Buffer.concat([bytes, Buffer.from(' ')]))
    expect(await damaged(path)).toBe(true)
    await writeFile(join(path, name), bytes)
  }
})
