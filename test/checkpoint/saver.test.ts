import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import { newestValid, openCheckpoint } from '../../lib/checkpoint/open.js'
import { viewPieces } from '../../lib/checkpoint/region.js'
import { CheckpointSaver, type SaveRequest } from '../../lib/checkpoint/saver.js'
import { DisposedError, SaveError } from '../../lib/errors.js'
import { FlatParameters } from '../../lib/model/weights.js'
import { Device } from '../../lib/native/device.js'
import { fill } from '../../lib/tensor/ops.js'
import { regionSnapshot } from '../../lib/train/engine.js'
import { expectStep, filledRegion, loaded, regionsAt, stateAt, tinyTable } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** A request for step `step`, whose regions arrive later than they are asked for. */
function requestOf(step: number, more: Partial<SaveRequest> = {}): SaveRequest {
  const copies = Object.entries(regionsAt(step)).map(([name, pieces]) => [name, async () => pieces] as const)
  return {
    state: stateAt(step),
    table: tinyTable,
    regions: Object.fromEntries(copies),
    best: undefined,
    ...more,
  }
}

const saverIn = (folder: string, more = {}) => new CheckpointSaver({ folder, keep: 2, keepEvery: 0, ...more })

describe('a save that is begun', () => {
  test('ends as a checkpoint of the state and the regions', async () => {
    const folder = temporaryFolder()
    const pending = saverIn(folder).begin(requestOf(3))
    expect(pending.step).toBe(3)
    await pending.copied
    const { path, bytes, warnings } = await pending.finished
    expect({ path, warnings }).toEqual({ path: join(folder, 'step-00000003'), warnings: [] })
    const checkpoint = await openCheckpoint(path)
    expect(checkpoint.bytes).toBe(bytes)
    await expectStep(checkpoint, 3)
  })

  test('asks for every copy before it returns, and takes the state as it was then', async () => {
    const folder = temporaryFolder()
    const asked: string[] = []
    const { regions } = requestOf(1)
    const watched = Object.entries(regions).map(([name, copy]) => {
      return [name, () => (asked.push(name), copy())] as const
    })
    const state = stateAt(1)
    const saver = saverIn(folder)
    const pending = saver.begin(requestOf(1, { state, regions: Object.fromEntries(watched) }))
    expect(asked).toEqual(['weights', 'm', 'v'])
    Object.assign(state, { step: 99, tokens: 0 })
    Object.assign(state.health.loss, { mean: 7 })
    await pending.finished
    await expectStep((await newestValid(folder)).checkpoint, 1)
  })

  test('holds what the device had at that point, whatever is queued behind it', async () => {
    const folder = temporaryFolder()
    const device = Device.create()
    onTestFinished(() => device.dispose())
    const weights = new FlatParameters(device, tinyTable, 'weights')
    const set = (value: number) => {
      const plan = device.createPlan(`fill with ${value}`)
      fill(plan, weights.all(), value)
      return plan.run()
    }
    const copy = () => regionSnapshot(weights)
    const before = [1, 2, 3].map(set)
    const pending = saverIn(folder).begin(requestOf(1, { regions: { weights: copy } }))
    const behind = [4, 5, 6].map(set)
    const { path } = await pending.finished
    await Promise.all([...before, ...behind])

    const saved = await loaded(await openCheckpoint(path), 'weights')
    for (const { offset, size } of tinyTable.parameters)
      expect(saved.subarray(offset, offset + size)).toEqual(new Float32Array(size).fill(3))
    expect((await copy())[0]![0]).toBe(6)
  })

  test.each([1, 2, 5, 7, 64, 1000])('is the same from pieces of %i elements', async (length) => {
    const region = filledRegion(tinyTable, 8)
    const pieces = Array.from({ length: Math.ceil(region.length / length) }, (_, i) =>
      region.slice(i * length, (i + 1) * length),
    )
    const { finished } = saverIn(temporaryFolder()).begin(
      requestOf(1, { regions: { weights: async () => pieces } }),
    )
    expect(await loaded(await openCheckpoint((await finished).path), 'weights')).toEqual(region)
  })

  test('refuses another before it is finished, and takes one afterwards', async () => {
    const folder = temporaryFolder()
    const saver = saverIn(folder)
    const first = saver.begin(requestOf(1))
    expect(() => saver.begin(requestOf(2))).toThrow(/save of step 1 is not finished, so step 2 cannot/)
    await first.copied
    expect(() => saver.begin(requestOf(2))).toThrow(RangeError)
    await first.finished
    await saver.begin(requestOf(2)).finished
    expect((await listCheckpoints(folder)).map(({ step }) => step)).toEqual([2, 1])
  })

  test('keeps the newest, the multiples and the best', async () => {
    const folder = temporaryFolder()
    const saver = saverIn(folder, { keepEvery: 4 })
    for (const step of [1, 2, 3, 4, 5, 6, 7])
      await saver.begin(requestOf(step, { best: step < 3 ? undefined : 3 })).finished
    expect((await listCheckpoints(folder)).map(({ step }) => step)).toEqual([7, 6, 4, 3])
  })
})

describe('a save that cannot be', () => {
  const failing = (error: Error) => ({
    later: () => Promise.reject(error),
    'at once': () => {
      throw error
    },
  })

  test.each(['later', 'at once'] as const)(
    'because a copy fails %s tells both, and frees the way',
    async (when) => {
      const folder = temporaryFolder()
      const saver = saverIn(folder)
      const { weights } = requestOf(1).regions
      const disposed = failing(new DisposedError('The device'))[when]
      const pending = saver.begin(requestOf(1, { regions: { weights: weights!, m: disposed } }))
      await expect(pending.copied).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
      await expect(pending.finished).rejects.toMatchObject({ code: 'ERR_DISPOSED' })

      const unknown = failing(new Error('cudaErrorUnknown'))[when]
      const { finished } = saver.begin(requestOf(1, { regions: { weights: unknown } }))
      await expect(finished).rejects.toThrow(SaveError)
      await expect(finished).rejects.toThrow(/step 1 could not be written.*cudaErrorUnknown/)
      expect(await readdir(folder)).toEqual([])
      await saver.begin(requestOf(2)).finished
      await expectStep((await newestValid(folder)).checkpoint, 2)
    },
  )

  test('because the disk refuses tells only who asks how it ended', async () => {
    const folder = temporaryFolder()
    const saver = saverIn(folder)
    const state = { ...stateAt(1), flops: NaN }
    const { copied, finished } = saver.begin(requestOf(1, { state }))
    await copied
    await expect(finished).rejects.toThrow(SaveError)
    expect(await readdir(folder)).toEqual([])
  })

  test('because nobody listens does not take the process along', async () => {
    const saver = saverIn(temporaryFolder())
    const copy = () => Promise.reject(new Error('unheard'))
    saver.begin(requestOf(1, { regions: { weights: copy } }))
    await new Promise(setImmediate) // an unhandled rejection has been reported by now, and fails this file
    await saver.begin(requestOf(2)).finished
  })

  test.each([-1, 1])('because a region has %i elements too many says which', async (more) => {
    const pieces = [new Float32Array(tinyTable.size - 3), new Float32Array(3 + more)]
    const { finished } = saverIn(temporaryFolder()).begin(
      requestOf(1, { regions: { v: async () => pieces } }),
    )
    const counts = `${tinyTable.size + more} elements of ${tinyTable.size}`
    await expect(finished).rejects.toThrow(`region v was copied with ${counts}`)
  })
})

test('any range of a region in pieces is seen as a whole', () => {
  const region = Float32Array.from({ length: 23 }, (_, i) => i)
  const pieces = [region.subarray(0, 5), region.subarray(5, 5), region.subarray(5, 6), region.subarray(6)]
  for (let begin = 0; begin <= 23; begin++) {
    for (let end = begin; end <= 23; end++) {
      const seen = [...viewPieces(pieces, begin, end - begin)].flatMap((view) => [...view])
      expect(seen).toEqual([...region.subarray(begin, end)])
    }
  }
})
