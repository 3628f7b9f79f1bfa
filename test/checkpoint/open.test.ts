import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import { newestValid, newestWhole, openCheckpoint } from '../../lib/checkpoint/open.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { expectStep, save, tinyModel, tinyTable } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

describe('the newest valid checkpoint', () => {
  test('is none where there are none', async () => {
    const nothing = { checkpoint: undefined, skipped: [] }
    expect(await newestValid(temporaryFolder())).toEqual(nothing)
    expect(await newestValid('/nonexistent/checkpoints')).toEqual(nothing)
  })

  test('passes over damaged ones and says why', async () => {
    const folder = temporaryFolder()
    for (const step of [1, 2, 3]) await save(folder, step)
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

  test('passes over one under the name of another step', async () => {
    const folder = temporaryFolder()
    for (const step of [1, 2]) await save(folder, step)
    await rename(join(folder, 'step-00000001'), join(folder, 'step-00000007'))
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, 2)
    expect(skipped).toEqual([
      {
        path: join(folder, 'step-00000007'),
        reason: expect.stringMatching(/holds step 1, not what its name/),
      },
    ])
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

  test('counts one that was making way for another as long as the other is not there', async () => {
    const folder = temporaryFolder()
    await save(folder, 3)
    await rename(join(folder, 'step-00000003'), join(folder, 'step-00000003.old.partial'))
    await expectStep((await newestValid(folder)).checkpoint, 3)
    await mkdir(join(folder, 'step-00000003'))
    expect(await listCheckpoints(folder)).toEqual([{ step: 3, path: join(folder, 'step-00000003') }])
  })
})

describe('the newest whole checkpoint', () => {
  test('can be asked for up to a step, and among some steps only', async () => {
    const folder = temporaryFolder()
    for (const step of [2, 4, 6, 8, 10])
      await save(folder, step, { retention: { keep: 9, keepEvery: 0, best: undefined } })
    await writeFile(join(folder, 'step-00000004', 'v.safetensors'), 'rot')
    const newest = async (options?: Parameters<typeof newestWhole>[1]) => {
      const { checkpoint, skipped } = await newestWhole(folder, options)
      return [checkpoint?.state.step, skipped.length]
    }
    expect(await newest()).toEqual([10, 0])
    expect(await newest({ upTo: 8 })).toEqual([8, 0])
    expect(await newest({ upTo: 7 })).toEqual([6, 0])
    expect(await newest({ upTo: 5 })).toEqual([2, 1])
    expect(await newest({ upTo: 1 })).toEqual([undefined, 0])
    expect(await newest({ accept: (step) => step % 4 === 0 })).toEqual([8, 0])
    expect(await newest({ upTo: 7, accept: (step) => step % 4 === 0 })).toEqual([undefined, 1])
  })
})

describe('loading into a model', () => {
  test('of other shapes writes nothing and lists the differences', async () => {
    const { path } = await save(temporaryFolder(), 1)
    const checkpoint = await openCheckpoint(path)
    const wider = parameterTable({ ...tinyModel, width: 8, layers: 1 })
    const load = checkpoint.load('weights', wider, () => expect.fail('wrote'))
    await expect(load).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISMATCH' })
    await expect(load).rejects.toThrow(/embedding is \[7,6\], the model wants \[7,8\].* and \d+ more/)
  })

  test('of fewer layers is refused too: nothing of a checkpoint is dropped in silence', async () => {
    const { path } = await save(temporaryFolder(), 1)
    const shallower = parameterTable({ ...tinyModel, layers: 1 })
    const load = (await openCheckpoint(path)).load('weights', shallower, () => expect.fail('wrote'))
    await expect(load).rejects.toThrow(/layers\.1\.attention\.qkv is not in the model/)
  })

  test('of a region that was not saved is refused', async () => {
    const { path } = await save(temporaryFolder(), 1)
    const load = (await openCheckpoint(path)).load('../secret', tinyTable, () => {})
    await expect(load).rejects.toThrow(/holds no \.\.\/secret, only weights, m, v/)
  })

  test('from a path without checkpoint is refused', async () => {
    await expect(openCheckpoint('/nonexistent')).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISSING' })
  })
})
