import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listCheckpoints } from '../../../lib/checkpoint/folder.js'
import { openCheckpoint } from '../../../lib/checkpoint/open.js'
import { skipped, type Bench, type Finding, type Part } from '../case.js'
import type { Ended } from '../child.js'
import { compare, exitOf, finish, goOn, runUntil } from '../drive.js'
import { steps, trainArguments } from '../lab.js'
import { mountSmall, remount, unmount } from '../tmpfs.js'

/** The disk fills up, or may not be written to: what was saved stays, and with room again the run goes on. */
export const disk: Part = {
  name: 'disk',
  title: 'disk full, read-only folder',
  cases: (runs) => [
    ...Array.from({ length: Math.max(1, Math.round(runs / 10)) }, (_, i) => ({
      name: `disk/full-${i + 1}`,
      run: (bench: Bench) => onSmallDisk(bench, full),
    })),
    ...Array.from({ length: Math.max(1, Math.round(runs / 20)) }, (_, i) => ({
      name: `disk/full for a while-${i + 1}`,
      run: (bench: Bench) => onSmallDisk(bench, fullForAWhile),
    })),
    { name: 'disk/too small', run: (bench: Bench) => onSmallDisk(bench, tooSmall) },
    { name: 'disk/read-only', run: (bench: Bench) => onSmallDisk(bench, readOnly) },
  ],
}

const diskBytes = 16e6

async function onSmallDisk(
  bench: Bench,
  work: (bench: Bench, disk: string) => Promise<Finding>,
): Promise<Finding> {
  const path = join(bench.folder, 'disk')
  const problem = mountSmall(path, diskBytes)
  if (problem !== undefined) return skipped(problem)
  try {
    return await work(bench, path)
  } finally {
    unmount(path)
  }
}

const filler = (path: string) => join(path, 'filler')

/** Leaves `rest` bytes. The run may write at the same time, so the last of the room may be gone before we have it. */
function fill(path: string, rest = 0): void {
  const { bavail, bsize } = statfsSync(path)
  try {
    writeFileSync(filler(path), new Uint8Array(Math.max(0, bavail * bsize - rest)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

const empty = (path: string) => rmSync(filler(path), { force: true })

/** Names of the checkpoints that cannot be opened. */
async function broken(out: string): Promise<string[]> {
  const found: string[] = []
  for (const { path } of await listCheckpoints(join(out, 'checkpoints')))
    await openCheckpoint(path).catch((error: Error) => found.push(error.message))
  return found
}

const failedSaves = ({ events }: Ended) => events.filter(({ type }) => type === 'save-failed').length

/** From a random step on nothing can be written: training goes on to the end, and says with 74 that it is not saved. */
async function full({ lab, random, folder }: Bench, path: string): Promise<Finding> {
  const out = join(path, 'run')
  const from = 8 + random.below(steps - 16)
  const rest = random.below(2) * random.below(100_000) // nothing, or room for part of a checkpoint
  const ended = await goOn(lab, out, {
    onEvent: (event) => {
      if (event.type === 'step' && event.step === from) fill(path, rest)
    },
  }).ended
  const problems =
    ended.code === 74 ? [] : [`exited with ${exitOf(ended)} instead of 74 in ${folder}: ${ended.err}`]
  if (!ended.err.includes('ERR_SAVE')) problems.push(`the error is not told: ${ended.err}`)
  problems.push(...(await broken(out)))
  if ((await listCheckpoints(join(out, 'checkpoints'))).length === 0) problems.push('no checkpoint is left')
  empty(path)
  return { problems: [...problems, ...(await finish(lab, out))], interruptions: 1 }
}

/** Saves fail for some steps, and work again: the run ends as if nothing had been. */
async function fullForAWhile({ lab, random }: Bench, path: string): Promise<Finding> {
  const out = join(path, 'run')
  const from = 8 + random.below(10)
  const ended = await goOn(lab, out, {
    onEvent: (event) => {
      if (event.type === 'step' && event.step === from) fill(path)
      if (event.type === 'save-failed') empty(path)
    },
  }).ended
  const problems = ended.code === 0 ? [] : [`exited with ${exitOf(ended)}: ${ended.err}`]
  if (failedSaves(ended) === 0) problems.push('no save failed')
  return { problems: [...problems, ...(await compare(lab, out))], interruptions: 1 }
}

/** No room for two checkpoints: refused before the first step, and nothing is left behind that is in the way. */
async function tooSmall({ lab }: Bench, path: string): Promise<Finding> {
  const out = join(path, 'run')
  fill(path, 300_000)
  const ended = await lab.children.start(trainArguments(lab.config, out)).ended
  const problems = ended.code === 74 ? [] : [`exited with ${exitOf(ended)} instead of 74: ${ended.err}`]
  if (ended.events.some(({ type }) => type === 'step')) problems.push('it began to train')
  empty(path)
  return { problems: [...problems, ...(await finish(lab, out))], interruptions: 1 }
}

async function readOnly({ lab }: Bench, path: string): Promise<Finding> {
  const out = join(path, 'run')
  await runUntil(lab, out, 30)
  const unable = remount(path, 'ro')
  if (unable !== undefined) return skipped(`a file system cannot be made read-only here (${unable})`)
  const resumed = await lab.children.start(['resume', out, '--json']).ended
  const begun = await lab.children.start(trainArguments(lab.config, join(path, 'other'))).ended
  remount(path, 'rw')
  const problems = [resumed, begun].flatMap((ended) =>
    ended.code === 74 && ended.err.includes('ERR_SAVE') ? [] : [`exited with ${exitOf(ended)}: ${ended.err}`],
  )
  return { problems: [...problems, ...(await finish(lab, out))], interruptions: 2 }
}
