import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { newestValid } from '../../lib/checkpoint/open.js'
import { savePoints } from '../../lib/checkpoint/points.js'
import { writeInThread } from '../../lib/checkpoint/thread.js'
import { writeCheckpoint } from '../../lib/checkpoint/write.js'
import { SaveError } from '../../lib/errors.js'
import { expectStep, jobOf, save, stateAt } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** The built thread: what `npm test` made before it came here. */
const writer = join(import.meta.dirname, '..', '..', 'dist', 'checkpoint-writer.js')

describe.skipIf(!existsSync(writer))('the built thread of a save', () => {
  test('writes what is written without it, byte for byte', async () => {
    const [beside, within] = [temporaryFolder(), temporaryFolder()]
    for (const step of [1, 2, 3]) {
      const saved = await writeInThread(writer, jobOf(beside, step))
      const { path, bytes } = await save(within, step)
      expect(saved).toEqual({ path: path.replace(within, beside), bytes, warnings: [] })
      for (const name of await readdir(path))
        expect(await readFile(join(saved.path, name))).toEqual(await readFile(join(path, name)))
    }
    expect(await readdir(beside)).toEqual(await readdir(within))
    await expectStep((await newestValid(beside)).checkpoint, 3)
  })

  test('takes the arrays over: no second copy is in memory', async () => {
    const job = jobOf(temporaryFolder(), 1)
    await writeInThread(writer, job)
    for (const [piece] of Object.values(job.regions)) expect(piece!.byteLength).toBe(0)
  })

  test('fails with the same error, by class, code and text', async () => {
    const path = join(temporaryFolder(), 'checkpoints')
    await writeFile(path, '')
    const wrong = [jobOf(path, 1), jobOf(temporaryFolder(), 1, { state: { ...stateAt(1), flops: NaN } })]
    for (const job of wrong) {
      const outcome = async (run: () => Promise<unknown>) => run().catch((error: unknown) => error)
      const expected = await outcome(() => writeCheckpoint(job))
      const found = await outcome(() => writeInThread(writer, job))
      expect(expected).toBeInstanceOf(SaveError)
      expect(found).toBeInstanceOf(SaveError)
      expect((found as SaveError).message).toBe((expected as SaveError).message)
    }
  })

  test('passes on what went wrong after the checkpoint was safe', async () => {
    const folder = temporaryFolder()
    await mkdir(join(folder, 'latest'))
    const { warnings } = await writeInThread(writer, jobOf(folder, 1))
    expect(warnings).toEqual([expect.stringMatching(/step-00000001 is safe, but the latest could not/)])
  })
})

/** Saves steps 1, 2, 3 as the saver does, each in a thread of its own, counting the points across them. */
function threeSaves(folder: string): string {
  const retention = { keep: 2, keepEvery: 0 }
  const jobs = [1, 2, 3].map((step) => ({ ...jobOf(folder, step), retention }))
  const asLists = (_: string, value: unknown) => (value instanceof Float32Array ? [...value] : value)
  return `
import { Worker } from 'node:worker_threads'
let passedPoints = {}
for (const { regions, ...job } of ${JSON.stringify(jobs, asLists)}) {
  for (const [name, pieces] of Object.entries(regions)) regions[name] = pieces.map((piece) => Float32Array.from(piece))
  const worker = new Worker(${JSON.stringify(writer)}, { workerData: { job: { ...job, regions }, passedPoints } })
  const outcome = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject))
  if ('error' in outcome.result) throw new Error(outcome.result.error.message)
  passedPoints = outcome.passedPoints
}`
}

async function run(source: string, killAt?: string) {
  const { PATCHTRAIN_KILL_AT: _, ...rest } = process.env
  const env = killAt === undefined ? rest : { ...rest, PATCHTRAIN_KILL_AT: killAt }
  const script = join(temporaryFolder(), 'saves.mjs')
  await writeFile(script, source)
  return spawnSync(process.execPath, [script], { env, encoding: 'utf8', timeout: 60_000 })
}

describe.skipIf(!existsSync(writer))('a process that kills itself', () => {
  test.each([undefined, 'before rename#4', 'nowhere'])(
    'does not where it never comes (%s)',
    async (point) => {
      const child = await run(threeSaves(temporaryFolder()), point)
      expect(child).toMatchObject({ status: 0, signal: null, stderr: '' })
    },
  )

  const points = savePoints.slice(1) // the copy is made outside of the thread
  const committed = points.indexOf('after rename')

  test.each(points)('at "%s" of the third save leaves the second or the third whole', async (point) => {
    const folder = temporaryFolder()
    const removal = point === 'in the middle of removal' // of which the first belongs to the third save
    const child = await run(threeSaves(folder), removal ? point : `${point}#3`)
    expect(child).toMatchObject({ signal: 'SIGKILL', stderr: '' })
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, points.indexOf(point) < committed ? 2 : 3)
    expect(skipped).toEqual([])
    await save(folder, 4)
    expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([])
    await expectStep((await newestValid(folder)).checkpoint, 4)
  })

  test('at a point without a number dies at its first time', async () => {
    const folder = temporaryFolder()
    expect((await run(threeSaves(folder), 'before latest')).signal).toBe('SIGKILL')
    expect(await readdir(folder)).toEqual(['step-00000001'])
  })
})

describe('a thread that dies', () => {
  test.each([
    ['for want of its script', undefined, /Cannot find module/],
    ['of an error', `throw new Error('a bit flipped')`, /died: a bit flipped\. Checkpoints that were safe/],
    ['of a rejection', `Promise.reject(new Error('nobody listened'))`, /died: nobody listened/],
    ['by its own hand', `process.exit(3)`, /died: it ended with code 3/],
    ['without a word', ``, /died: it ended with code 0/],
  ])('%s fails the save and says why; the next save removes what it left', async (_, source, reason) => {
    const folder = temporaryFolder()
    await save(folder, 1)
    await mkdir(join(folder, 'step-00000002.partial'))
    const script = join(temporaryFolder(), 'dies.mjs')
    if (source !== undefined) await writeFile(script, source)
    const outcome = writeInThread(script, jobOf(folder, 2))
    await expect(outcome).rejects.toThrow(SaveError)
    await expect(outcome).rejects.toThrow(/wrote the checkpoint of step 2 to/)
    await expect(outcome).rejects.toThrow(reason)
    await expectStep((await newestValid(folder)).checkpoint, 1)
    await save(folder, 3)
    expect(await readdir(folder)).toEqual(['latest', 'step-00000001', 'step-00000003'])
  })
})
