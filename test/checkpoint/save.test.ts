import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import { newestValid, openCheckpoint, type Checkpoint } from '../../lib/checkpoint/open.js'
import { saveCheckpoint, type SaveOptions } from '../../lib/checkpoint/save.js'
import { DisposedError, SaveError } from '../../lib/errors.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { filledRegion, saveOf, stateAt, tinyModel, tinyTable, writerOf } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const run = promisify(execFile)

async function loaded(checkpoint: Checkpoint, region: string): Promise<Float32Array> {
  const values = new Float32Array(tinyTable.size)
  await checkpoint.load(region, tinyTable, writerOf(values))
  return values
}

/** The checkpoint holds state and regions of this step, bit for bit. */
async function expectStep(checkpoint: Checkpoint | undefined, step: number): Promise<void> {
  expect(checkpoint?.state).toEqual(stateAt(step))
  for (const [i, region] of ['weights', 'm', 'v'].entries()) {
    expect(await loaded(checkpoint!, region)).toEqual(filledRegion(tinyTable, step * 3 + i))
  }
}

/** The points that a save passes, in order. */
const points = [
  'start',
  'before weights.safetensors',
  'after weights.safetensors',
  'before m.safetensors',
  'after m.safetensors',
  'before v.safetensors',
  'after v.safetensors',
  'before manifest',
  'before rename',
  'before latest',
  'before retention',
]
const committed = points.indexOf('before latest')

describe('a save', () => {
  test('gives back every bit of every region, and the state', async () => {
    const folder = temporaryFolder()
    const saved = await saveCheckpoint(saveOf(folder, 5))
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
    const read: SaveOptions['regions'][string] = (offset, count) => region.slice(offset, offset + count)
    const { path } = await saveCheckpoint(saveOf(folder, 1, { table, regions: { weights: read } }))
    const back = new Float32Array(table.size)
    await (await openCheckpoint(path)).load('weights', table, writerOf(back))
    expect(new Uint32Array(back.buffer)).toEqual(new Uint32Array(region.buffer))
  })

  test('stores parameters under their own names, without padding', async () => {
    const { path } = await saveCheckpoint(saveOf(temporaryFolder(), 1))
    const tensors = await (await openCheckpoint(path)).tensors('weights')
    expect(tensors.map(({ name, shape }) => ({ name, shape }))).toEqual(
      tinyTable.parameters.map(({ name, shape }) => ({ name, shape })),
    )
    expect(tensors.reduce((sum, { begin, end }) => sum + end - begin, 0)).toBeLessThan(4 * tinyTable.size)
  })

  test('passes the labelled points in order', async () => {
    const passed: string[] = []
    await saveCheckpoint(saveOf(temporaryFolder(), 1, { at: (point) => void passed.push(point) }))
    expect(passed).toEqual(points)
  })

  test('of a state that is no state fails and leaves nothing', async () => {
    const folder = temporaryFolder()
    const state = { ...stateAt(1), flops: NaN }
    await expect(saveCheckpoint(saveOf(folder, 1, { state }))).rejects.toThrow(SaveError)
    expect(await readdir(folder)).toEqual([])
  })

  test('that is repeated at the same step adds nothing', async () => {
    const folder = temporaryFolder()
    const { path, bytes } = await saveCheckpoint(saveOf(folder, 4))
    const before = await stat(path)
    const again = await saveCheckpoint(saveOf(folder, 4))
    expect(again).toEqual({ path, bytes, warnings: [] })
    expect((await stat(path)).ino).toBe(before.ino)
  })

  test('replaces what is damaged or of another state at the same step', async () => {
    const folder = temporaryFolder()
    const { path } = await saveCheckpoint(saveOf(folder, 4))
    await writeFile(join(path, 'm.safetensors'), 'rot')
    await saveCheckpoint(saveOf(folder, 4))
    await expectStep(await openCheckpoint(path), 4)

    const { weights } = saveOf(folder, 4).regions
    await saveCheckpoint(saveOf(folder, 4, { regions: { weights: weights! } }))
    expect((await openCheckpoint(path)).regions).toEqual(['weights'])

    const other = { ...stateAt(4), samples: 1 }
    await saveCheckpoint(saveOf(folder, 4, { state: other }))
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
  function saveUntil(options: (stop: () => Promise<void>) => SaveOptions): Promise<void> {
    return new Promise((reached) => {
      let fail: (error: Error) => void
      const never = new Promise<void>((_, reject) => (fail = reject))
      const save = saveCheckpoint(options(() => (reached(), never)))
      stopped.push(async () => {
        fail(new Error('released'))
        await save.catch(() => {})
      })
    })
  }

  test.each(points)('at "%s" leaves a whole newest checkpoint', async (point) => {
    const folder = temporaryFolder()
    await saveCheckpoint(saveOf(folder, 1))
    await saveUntil((stop) => saveOf(folder, 2, { at: (p) => (p === point ? stop() : undefined) }))
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, points.indexOf(point) < committed ? 1 : 2)
    expect(skipped).toEqual([])

    const next = 3
    await saveCheckpoint(saveOf(folder, next))
    await expectStep((await newestValid(folder)).checkpoint, next)
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])
  })

  test('in the middle of a file leaves a whole newest checkpoint', async () => {
    const folder = temporaryFolder()
    await saveCheckpoint(saveOf(folder, 1))
    await saveUntil((stop) => {
      const options = saveOf(folder, 2)
      const m = async (offset: number, count: number) => {
        if (offset > tinyTable.size / 2) await stop()
        return options.regions['m']!(offset, count)
      }
      return { ...options, regions: { ...options.regions, m } }
    })
    expect(await readdir(folder)).toContain('step-00000002.partial')
    await expectStep((await newestValid(folder)).checkpoint, 1)
  })
})

describe('a save that fails', () => {
  test.each(points)('at "%s" cleans up, says so, and leaves the old checkpoint alone', async (point) => {
    const folder = temporaryFolder()
    await saveCheckpoint(saveOf(folder, 1))
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    const at = (p: string) => {
      if (p === point) throw full
    }
    const save = saveCheckpoint(saveOf(folder, 2, { at }))
    if (points.indexOf(point) < committed) {
      await expect(save).rejects.toThrow(SaveError)
      await expect(save).rejects.toThrow(/step 2 could not be written.*ENOSPC.*disk is full/)
      expect(await readdir(folder)).toEqual(['latest', 'step-00000001'])
      await expectStep((await newestValid(folder)).checkpoint, 1)
    } else {
      expect((await save).warnings).toHaveLength(1)
      expect((await save).warnings[0]).toMatch(/step-00000002 is safe, but .* disk is full/)
      await expectStep((await newestValid(folder)).checkpoint, 2)
    }
  })

  test('for a reason that has its own error keeps that error', async () => {
    const read = () => Promise.reject(new DisposedError('The device'))
    const save = saveCheckpoint(saveOf(temporaryFolder(), 1, { regions: { weights: read } }))
    await expect(save).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
  })

  test('where a file has the name of the folder says so', async () => {
    const path = join(temporaryFolder(), 'checkpoints')
    await writeFile(path, '')
    await expect(saveCheckpoint(saveOf(path, 1))).rejects.toThrow(SaveError)
    await expect(saveCheckpoint(saveOf(join(path, 'x'), 1))).rejects.toThrow(SaveError)
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
      await saveCheckpoint(saveOf(folder, 1))
      const before = await readdir(folder)
      let failures = 0
      // The ballast shrinks page by page, so the disk fills up in every file of the checkpoint in turn.
      for (let pages = await freePages(folder); ; pages--, failures++) {
        await writeFile(join(folder, 'ballast'), Buffer.alloc(pages * 4096))
        const outcome: unknown = await saveCheckpoint(saveOf(folder, 2)).catch((error: unknown) => error)
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
      await saveCheckpoint(saveOf(folder, 1))
      await run('mount', ['-o', 'remount,ro', folder])
      const save = saveCheckpoint(saveOf(folder, 2))
      await expect(save).rejects.toThrow(SaveError)
      await expect(save).rejects.toThrow(/may not be written to/)
      await expectStep((await newestValid(folder)).checkpoint, 1)
    } finally {
      await unmount()
    }
  })
})

describe('the newest valid checkpoint', () => {
  test('is none where there are none', async () => {
    const nothing = { checkpoint: undefined, skipped: [] }
    expect(await newestValid(temporaryFolder())).toEqual(nothing)
    expect(await newestValid('/nonexistent/checkpoints')).toEqual(nothing)
  })

  test('passes over damaged ones and says why', async () => {
    const folder = temporaryFolder()
    for (const step of [1, 2, 3]) await saveCheckpoint(saveOf(folder, step))
    await writeFile(join(folder, 'step-00000003', 'v.safetensors'), 'rot')
    await mkdir(join(folder, 'step-00000009'))
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, 2)
    expect(skipped.map(({ path }) => path)).toEqual(
      ['step-00000009', 'step-00000003'].map((n) => join(folder, n)),
    )
    expect(skipped[0]!.reason).toMatch(/manifest\.json cannot be opened/)
    expect(skipped[1]!.reason).toMatch(/v\.safetensors is damaged: it has 3 bytes instead of/)
  })

  test('goes by number, also beyond eight digits, and ignores other names', async () => {
    const folder = temporaryFolder()
    for (const name of [
      'step-99999999',
      'step-100000000',
      'step-7',
      'step-000000001',
      'best',
      'step-00000003.partial',
    ]) {
      await mkdir(join(folder, name))
    }
    expect((await listCheckpoints(folder)).map(({ step }) => step)).toEqual([100000000, 99999999])
  })
})

describe('loading into a model', () => {
  test('of other shapes writes nothing and lists the differences', async () => {
    const { path } = await saveCheckpoint(saveOf(temporaryFolder(), 1))
    const checkpoint = await openCheckpoint(path)
    const wider = parameterTable({ ...tinyModel, width: 8, layers: 1 })
    const load = checkpoint.load('weights', wider, () => expect.fail('wrote'))
    await expect(load).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISMATCH' })
    await expect(load).rejects.toThrow(/embedding is \[7,6\], the model wants \[7,8\].* and \d+ more/)
  })

  test('of fewer layers is refused too: nothing of a checkpoint is dropped in silence', async () => {
    const { path } = await saveCheckpoint(saveOf(temporaryFolder(), 1))
    const shallower = parameterTable({ ...tinyModel, layers: 1 })
    const load = (await openCheckpoint(path)).load('weights', shallower, () => expect.fail('wrote'))
    await expect(load).rejects.toThrow(/layers\.1\.attention\.qkv is not in the model/)
  })

  test('of a region that was not saved is refused', async () => {
    const { path } = await saveCheckpoint(saveOf(temporaryFolder(), 1))
    const load = (await openCheckpoint(path)).load('../secret', tinyTable, () => {})
    await expect(load).rejects.toThrow(/holds no \.\.\/secret, only weights, m, v/)
  })

  test('from a path without checkpoint is refused', async () => {
    await expect(openCheckpoint('/nonexistent')).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISSING' })
  })
})
