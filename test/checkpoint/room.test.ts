import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkpointBytes, requireRoom } from '../../lib/checkpoint/room.js'
import { SaveError } from '../../lib/errors.js'
import { save, tinyTable } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

test('what a checkpoint needs is what it takes', async () => {
  expect((await save(temporaryFolder(), 1)).bytes).toBe(checkpointBytes(tinyTable))
})

test('room that is there is enough, also for a folder that is yet to be made', async () => {
  const folder = temporaryFolder()
  await expect(requireRoom(folder, 1)).resolves.toBeUndefined()
  await expect(requireRoom(join(folder, 'a', 'b', 'c'), 1)).resolves.toBeUndefined()
})

test('room that is missing is told with what is needed and what is there', async () => {
  const folder = temporaryFolder()
  const { blocks, bsize } = await statfs(folder)
  const needed = blocks * bsize * 2
  for (const path of [folder, join(folder, 'a', 'b')]) {
    const check = requireRoom(path, needed)
    await expect(check).rejects.toThrow(SaveError)
    const amount = Math.ceil(needed / 1e3).toLocaleString('en-US')
    await expect(check).rejects.toThrow(`Checkpoints need ${amount} kB in ${path}, but only `)
    await expect(check).rejects.toThrow(/but only [\d,]+ kB are free there\. Make room/)
  }
})

test('where nobody knows what is free nothing is said', async () => {
  if (process.platform === 'linux') await expect(requireRoom('/proc/self', 1e15)).resolves.toBeUndefined() // 0 blocks
  await expect(requireRoom(`${temporaryFolder()}/\0`, 1e15)).resolves.toBeUndefined()
})
