import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import { newestValid } from '../../lib/checkpoint/open.js'
import { saveCheckpoint } from '../../lib/checkpoint/save.js'
import { saveOf } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const steps = async (folder: string) => (await listCheckpoints(folder)).map(({ step }) => step)
const damage = (folder: string, step: number) =>
  writeFile(join(folder, `step-${String(step).padStart(8, '0')}`, 'm.safetensors'), 'rot')

test.each([
  [2, [6, 5]],
  [3, [6, 5, 4]],
  [9, [6, 5, 4, 3, 2, 1]],
])('the newest %i stay', async (keep, expected) => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4, 5, 6]) await saveCheckpoint(saveOf(folder, step, { keep }))
  expect(await steps(folder)).toEqual(expected)
})

test.each([1, 0, -3])('the newest two and a whole one stay when %i are asked for', async (keep) => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4]) await saveCheckpoint(saveOf(folder, step, { keep: 9 }))
  await damage(folder, 4)
  await saveCheckpoint(saveOf(folder, 5, { keep }))
  expect(await steps(folder)).toEqual([5, 4, 3])
})

test('the newest whole one before stays, however old, when those between have rotted', async () => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4]) await saveCheckpoint(saveOf(folder, step, { keep: 9 }))
  for (const step of [3, 4]) await damage(folder, step)
  await saveCheckpoint(saveOf(folder, 5, { keep: 2 }))
  expect(await steps(folder)).toEqual([5, 4, 2])
  await damage(folder, 5)
  expect((await newestValid(folder)).checkpoint?.state.step).toBe(2)
})

test('the one just written stays even when others have higher steps', async () => {
  const folder = temporaryFolder()
  for (const step of [10, 20, 30]) await saveCheckpoint(saveOf(folder, step, { keep: 9 }))
  await saveCheckpoint(saveOf(folder, 5, { keep: 2 }))
  expect(await steps(folder)).toEqual([30, 5])
})

test('what is not a checkpoint is left alone', async () => {
  const folder = temporaryFolder()
  for (const name of ['best', 'step-1', 'notes.partial']) await writeFile(join(folder, name), '')
  for (const step of [1, 2, 3]) await saveCheckpoint(saveOf(folder, step, { keep: 2 }))
  expect(await readdir(folder)).toEqual([
    'best',
    'latest',
    'notes.partial',
    'step-00000002',
    'step-00000003',
    'step-1',
  ])
})
