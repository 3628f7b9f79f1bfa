import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import { newestValid } from '../../lib/checkpoint/open.js'
import { surplusSteps, type RetentionPolicy } from '../../lib/checkpoint/retention.js'
import { save } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const steps = async (folder: string) => (await listCheckpoints(folder)).map(({ step }) => step)
const damage = (folder: string, step: number) =>
  writeFile(join(folder, `step-${String(step).padStart(8, '0')}`, 'm.safetensors'), 'rot')

const keeping = (keep: number, more: Partial<RetentionPolicy> = {}) => ({
  retention: { keep, keepEvery: 0, best: undefined, ...more },
})

const ten = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]

test.each<[string, number[], number, Partial<RetentionPolicy>, number[]]>([
  ['nothing before there is more than to keep', [10, 20], 20, { keep: 2 }, []],
  ['all but the newest two', ten, 100, { keep: 2 }, [10, 20, 30, 40, 50, 60, 70, 80]],
  ['all but the newest five', ten, 100, { keep: 5 }, [10, 20, 30, 40, 50]],
  ['all but two where fewer are asked for', [10, 20, 30], 30, { keep: 0 }, [10]],
  ['no multiple of keepEvery', ten, 100, { keep: 2, keepEvery: 30 }, [10, 20, 40, 50, 70, 80]],
  ['nothing where every step is a multiple', ten, 100, { keep: 2, keepEvery: 10 }, []],
  ['no multiple, also when the newest are none', [30, 40, 50], 50, { keep: 2, keepEvery: 30 }, []],
  ['not the best', ten, 100, { keep: 3, best: 20 }, [10, 30, 40, 50, 60, 70]],
  ['the best of before', ten, 100, { keep: 2, best: 90 }, [10, 20, 30, 40, 50, 60, 70, 80]],
  ['as if there were no best when it is gone', [10, 20, 30], 30, { keep: 2, best: 5 }, [10]],
  [
    'neither multiples nor the best',
    ten,
    100,
    { keep: 2, keepEvery: 50, best: 10 },
    [20, 30, 40, 60, 70, 80],
  ],
  ['not the one just written, though older', [10, 20, 30], 10, { keep: 2 }, [20]],
  ['step 0 only where no multiples are kept', [0, 10, 20], 20, { keep: 2 }, [0]],
  ['not step 0 where multiples are kept', [0, 10, 20], 20, { keep: 2, keepEvery: 7 }, []],
])('may go: %s', (_, steps, written, policy, expected) => {
  const full = { keep: 2, keepEvery: 0, best: undefined, ...policy }
  expect(surplusSteps(steps, written, full)).toEqual(expected)
  expect(surplusSteps([...steps].reverse(), written, full)).toEqual(expected)
})

test('multiples and the best stay on disk, until another is the best', async () => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4, 5, 6, 7]) await save(folder, step, keeping(2, { keepEvery: 3, best: 2 }))
  expect(await steps(folder)).toEqual([7, 6, 3, 2])
  await save(folder, 8, keeping(2, { keepEvery: 3, best: 7 }))
  expect(await steps(folder)).toEqual([8, 7, 6, 3])
})

test.each([
  [2, [6, 5]],
  [3, [6, 5, 4]],
  [9, [6, 5, 4, 3, 2, 1]],
])('the newest %i stay', async (keep, expected) => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4, 5, 6]) await save(folder, step, keeping(keep))
  expect(await steps(folder)).toEqual(expected)
})

test.each([1, 0, -3])('the newest two and a whole one stay when %i are asked for', async (keep) => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4]) await save(folder, step, keeping(9))
  await damage(folder, 4)
  await save(folder, 5, keeping(keep))
  expect(await steps(folder)).toEqual([5, 4, 3])
})

test('the newest whole one before stays, however old, when those between have rotted', async () => {
  const folder = temporaryFolder()
  for (const step of [1, 2, 3, 4]) await save(folder, step, keeping(9))
  for (const step of [3, 4]) await damage(folder, step)
  await save(folder, 5, keeping(2))
  expect(await steps(folder)).toEqual([5, 4, 2])
  await damage(folder, 5)
  expect((await newestValid(folder)).checkpoint?.state.step).toBe(2)
})

test('the one just written stays even when others have higher steps', async () => {
  const folder = temporaryFolder()
  for (const step of [10, 20, 30]) await save(folder, step, keeping(9))
  await save(folder, 5, keeping(2))
  expect(await steps(folder)).toEqual([30, 5])
})

test('what is not a checkpoint is left alone', async () => {
  const folder = temporaryFolder()
  for (const name of ['best', 'step-1', 'notes.partial']) await writeFile(join(folder, name), '')
  for (const step of [1, 2, 3]) await save(folder, step, keeping(2))
  expect(await readdir(folder)).toEqual([
    'best',
    'latest',
    'notes.partial',
    'step-00000002',
    'step-00000003',
    'step-1',
  ])
})
