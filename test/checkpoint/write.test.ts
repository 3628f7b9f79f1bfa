import { execFile } from 'node:child_process'
import { readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { newestValid, openCheckpoint } from '../../lib/checkpoint/open.js'
import { replacePoint, savePoints, type AtPoint } from '../../lib/checkpoint/points.js'
import { SaveError } from '../../lib/errors.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { expectStep, regionsAt, save, stateAt, tinyModel, tinyTable, writerOf } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const run = promisify(execFile)

/** The points of the file work, in order; the copy comes before it. */
const points = savePoints.slice(1)
const committed = points.indexOf('after rename')

const keepTwo = { retention: { keep: 2, keepEvery: 0, best: undefined } }

/** Two checkpoints of before, so that the next save, which keeps two, has one to remove. */
async function twoBefore(folder: string): Promise<void> {
  for (const step of [1, 2]) await save(folder, step)
}

describe('a save', () => {
  test('gives back every bit of every region, and the state', async () => {
    const folder = temporaryFolder()
    const saved = await save(folder, 5)
    expect(saved).toMatchObject({ path: join(folder, 'step-00000005'), warnings: [] })
    const checkpoint = await openCheckpoint(saved.path)
    await expectStep(checkpoint, 5)
    expect(checkpoint.regions).toEqual(['weights', 'm', 'v'])
    expect(checkpoint.bytes).toBe(saved.bytes)
    expect(await readFile(join(folder, 'latest'), 'utf8')).toBe('step-00000005\n')
  })

  test('keeps values that a sloppy conversion would change', async () => {
    const table = parameterTable({ ...tinyModel, layers: 1 })
    const special = [-0, NaN, Infinity, -Infinity, 1e-45, 3.4028234663852886e38, 0.1]
    const region = new Float32Array(table.size)
    for (const { offset, size } of table.parameters) {
      for (let i = 0; i < size; i++) region[offset + i] = special[i % special.length]!
    }
    const folder = temporaryFolder()
    const { parameters } = table
    const { path } = await save(folder, 1, { parameters, regions: { weights: [region] } })
    const back = new Float32Array(table.size)
    await (await openCheckpoint(path)).load('weights', table, writerOf(back))
    expect(new Uint32Array(back.buffer)).toEqual(new Uint32Array(region.buffer))
  })

  test('stores parameters under their own names, without padding', async () => {
    const { path } = await save(temporaryFolder(), 1)
    const tensors = await (await openCheckpoint(path)).tensors('weights')
    expect(tensors.map(({ name, shape }) => ({ name, shape }))).toEqual(
      tinyTable.parameters.map(({ name, shape }) => ({ name, shape })),
    )
    expect(tensors.reduce((sum, { begin, end }) => sum + end - begin, 0)).toBeLessThan(4 * tinyTable.size)
  })

  test('passes the labelled points in order', async () => {
    const passed: string[] = []
    const folder = temporaryFolder()
    await twoBefore(folder)
    await save(folder, 3, keepTwo, (point) => void passed.push(point))
    expect(passed).toEqual(points)
  })

  test('of a state that is no state fails and leaves nothing', async () => {
    const folder = temporaryFolder()
    const state = { ...stateAt(1), flops: NaN }
    await expect(save(folder, 1, { state })).rejects.toThrow(SaveError)
    expect(await readdir(folder)).toEqual([])
  })

  test('that is repeated at the same step adds nothing', async () => {
    const folder = temporaryFolder()
    const { path, bytes } = await save(folder, 4)
    const before = await stat(path)
    const again = await save(folder, 4)
    expect(again).toEqual({ path, bytes, warnings: [] })
    expect((await stat(path)).ino).toBe(before.ino)
  })

  test('replaces what is damaged or of another state at the same step', async () => {
    const folder = temporaryFolder()
    const { path } = await save(folder, 4)
    await writeFile(join(path, 'm.safetensors'), 'rot')
    await save(folder, 4)
    await expectStep(await openCheckpoint(path), 4)

    const { weights } = regionsAt(4)
    await save(folder, 4, { regions: { weights: weights! } })
    expect((await openCheckpoint(path)).regions).toEqual(['weights'])

    const other = { ...stateAt(4), samples: 1 }
    await save(folder, 4, { state: other })
    expect((await openCheckpoint(path)).state).toEqual(other)
    expect(await readdir(folder)).toEqual(['latest', 'step-00000004'])
  })
})

describe('a process that dies during a save', () => {
  /** Lets the saves that were stopped for good go on and fail, so that they close their files. */
  const stopped: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const release of stopped.splice(0)) await release()
  })

  /** Starts a save that never gets past a point; resolves when it is there, as a kill would find it. */
  function saveUntil(begin: (at: AtPoint) => Promise<unknown>, point: string): Promise<void> {
    return new Promise((reached) => {
      let fail: (error: Error) => void
      const never = new Promise<void>((_, reject) => (fail = reject))
      const stuck = begin((passing) => (passing === point ? (reached(), never) : undefined))
      stopped.push(async () => {
        fail(new Error('released'))
        await stuck.catch(() => {})
      })
    })
  }

  test.each(points)('at "%s" leaves a whole newest checkpoint', async (point) => {
    const folder = temporaryFolder()
    await twoBefore(folder)
    await saveUntil((at) => save(folder, 3, keepTwo, at), point)
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, points.indexOf(point) < committed ? 2 : 3)
    expect(skipped).toEqual([])

    await save(folder, 4)
    await expectStep((await newestValid(folder)).checkpoint, 4)
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])
  })

  test('in the middle of a file leaves a part of it, under a name that counts for nothing', async () => {
    const folder = temporaryFolder()
    await save(folder, 1)
    await saveUntil((at) => save(folder, 2, {}, at), 'in the middle of m.safetensors')
    const partial = join(folder, 'step-00000002.partial')
    expect(await readdir(partial)).toEqual(['m.safetensors', 'weights.safetensors'])
    const [part, whole] = await Promise.all(
      ['m', 'weights'].map(async (name) => (await stat(join(partial, `${name}.safetensors`))).size),
    )
    expect(part).toBeGreaterThan(0)
    expect(part).toBeLessThan(whole!)
    await expectStep((await newestValid(folder)).checkpoint, 1)
  })

  test('between the renames of a replacement leaves the old checkpoint, which gets its name back', async () => {
    const folder = temporaryFolder()
    await save(folder, 4)
    const other = { state: { ...stateAt(4), samples: 1 } }
    await saveUntil((at) => save(folder, 4, other, at), replacePoint)
    expect(await readdir(folder)).toEqual(['latest', 'step-00000004.old.partial', 'step-00000004.partial'])
    await expectStep((await newestValid(folder)).checkpoint, 4)

    await save(folder, 5)
    expect(await readdir(folder)).toEqual(['latest', 'step-00000004', 'step-00000005'])
    await expectStep(await openCheckpoint(join(folder, 'step-00000004')), 4)
  })
})

describe('a save that fails', () => {
  test.each(points)('at "%s" cleans up, says so, and leaves the old checkpoints alone', async (point) => {
    const folder = temporaryFolder()
    await twoBefore(folder)
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const at = (passing: string) => {
      if (passing === point) throw full
    }
    const outcome = save(folder, 3, keepTwo, at)
    if (points.indexOf(point) <= committed) {
      await expect(outcome).rejects.toThrow(SaveError)
      await expect(outcome).rejects.toThrow(/step 3 could not be written.*ENOSPC.*disk is full/)
      const left = ['latest', 'step-00000001', 'step-00000002']
      // Where the name is there but may not last, the checkpoint is not said to be safe, nor taken away.
      expect(await readdir(folder)).toEqual(point === 'after rename' ? [...left, 'step-00000003'] : left)
      await expectStep((await newestValid(folder)).checkpoint, point === 'after rename' ? 3 : 2)
    } else {
      expect((await outcome).warnings).toHaveLength(1)
      expect((await outcome).warnings[0]).toMatch(/step-00000003 is safe, but .* disk is full/)
      await expectStep((await newestValid(folder)).checkpoint, 3)
    }
  })

  test('where a file has the name of the folder says so', async () => {
    const path = join(temporaryFolder(), 'checkpoints')
    await writeFile(path, '')
    await expect(save(path, 1)).rejects.toThrow(SaveError)
    await expect(save(join(path, 'x'), 1)).rejects.toThrow(SaveError)
  })
})

/** A file system of its own, `pages` of 4 KiB large; undefined where we may not mount one. */
async function mounted(folder: string, pages: number): Promise<(() => Promise<void>) | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${pages * 4}k`, 'tmpfs', folder])
  } catch {
    return undefined
  }
  return async () => void (await run('umount', [folder]))
}

async function freePages(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return (bavail * bsize) / 4096
}

describe('a real disk', () => {
  test('that is full fails the save wherever it fills up, cleans up and keeps the old checkpoint', async ({
    skip,
  }) => {
    const folder = temporaryFolder()
    const unmount = await mounted(folder, 40)
    if (!unmount) return skip('mounting a small tmpfs needs root')
    try {
      await save(folder, 1)
      const before = await readdir(folder)
      let failures = 0
      // The ballast shrinks page by page, so the disk fills up in every file of the checkpoint in turn.
      for (let pages = await freePages(folder); ; pages--, failures++) {
        await writeFile(join(folder, 'ballast'), Buffer.alloc(pages * 4096))
        const outcome: unknown = await save(folder, 2).catch((error: unknown) => error)
        if (!(outcome instanceof Error)) break
        expect(outcome).toBeInstanceOf(SaveError)
        expect(outcome.message).toMatch(/disk is full/)
        expect(await readdir(folder)).toEqual(['ballast', ...before])
        await expectStep((await newestValid(folder)).checkpoint, 1)
      }
      expect(failures).toBeGreaterThan(3)
      await expectStep((await newestValid(folder)).checkpoint, 2)
    } finally {
      await unmount()
    }
  })

  test('that is read-only fails the save and keeps the old checkpoint', async ({ skip }) => {
    const folder = temporaryFolder()
    const unmount = await mounted(folder, 1000)
    if (!unmount) return skip('mounting a small tmpfs needs root')
    try {
      await save(folder, 1)
      await run('mount', ['-o', 'remount,ro', folder])
      const outcome = save(folder, 2)
      await expect(outcome).rejects.toThrow(SaveError)
      await expect(outcome).rejects.toThrow(/may not be written to/)
      await expectStep((await newestValid(folder)).checkpoint, 1)
    } finally {
      await unmount()
    }
  })
})
