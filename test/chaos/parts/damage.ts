import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { listCheckpoints } from '../../../lib/checkpoint/folder.js'
import { openCheckpoint } from '../../../lib/checkpoint/open.js'
import { CheckpointError } from '../../../lib/errors.js'
import type { Bench, Finding, Part } from '../case.js'
import { compare, exitOf, goOn, runUntil } from '../drive.js'
import { trainArguments } from '../lab.js'

/** Damaged files: never loaded; the checkpoint before is used, that is said, and the end is the same. */
export const damage: Part = {
  name: 'damage',
  title: 'damaged checkpoints',
  cases: (runs) => [
    { name: 'damage/every byte', run: (bench: Bench) => everyByte(bench, runs < 10 ? 101 : 1) },
    ...Array.from({ length: Math.max(1, Math.round(runs / 10)) }, (_, i) => ({
      name: `damage/flipped-${i + 1}`,
      run: (bench: Bench) => damaged(bench, flip),
    })),
    ...Array.from({ length: Math.max(1, Math.round(runs / 20)) }, (_, i) => ({
      name: `damage/truncated-${i + 1}`,
      run: (bench: Bench) => damaged(bench, truncate),
    })),
  ],
}

const smallModel = '{"width":8,"feedForward":8,"layers":1,"heads":1,"kvHeads":1,"headDim":8}'

/** Every byte of every file of a checkpoint of a model as small as they get, one after the other. */
async function everyByte({ lab, folder }: Bench, stride: number): Promise<Finding> {
  const out = join(folder, 'run')
  const values = [
    `model=${smallModel}`,
    'schedule.totalSteps=2',
    'optimizer.warmupSteps=0',
    'sample.tokens=0',
  ]
  const small = values.flatMap((value) => ['--set', value])
  const ended = await lab.children.start(trainArguments(lab.config, out, small)).ended
  if (ended.code !== 0) return { problems: [`exited with ${exitOf(ended)}: ${ended.err}`], interruptions: 0 }
  const { path } = (await listCheckpoints(join(out, 'checkpoints')))[0]!
  const problems: string[] = []
  let flipped = 0
  for (const name of readdirSync(path)) {
    const file = join(path, name)
    for (let at = 0; at < statSync(file).size; at += stride) {
      flipByte(file, at)
      const problem = await openCheckpoint(path).then(
        () => 'it was loaded',
        (error: unknown) => (error instanceof CheckpointError ? undefined : String(error)),
      )
      if (problem !== undefined) problems.push(`byte ${at} of ${name}: ${problem}`)
      flipByte(file, at)
      flipped++
    }
  }
  await openCheckpoint(path)
  return { problems, interruptions: flipped }
}

/** Changes every bit of a byte; a second time brings it back. */
function flipByte(file: string, at: number): void {
  const handle = openSync(file, 'r+')
  try {
    const byte = new Uint8Array(1)
    readSync(handle, byte, 0, 1, at)
    byte[0]! ^= 0xff
    writeSync(handle, byte, 0, 1, at)
  } finally {
    closeSync(handle)
  }
}

async function damaged(bench: Bench, harm: (file: string, bench: Bench) => void): Promise<Finding> {
  const { lab, random, folder } = bench
  const out = join(folder, 'run')
  await runUntil(lab, out, 38)
  const [newest] = await listCheckpoints(join(out, 'checkpoints'))
  if (!newest) return { problems: ['there is no checkpoint to damage'], interruptions: 0 }
  const names = readdirSync(newest.path)
  const name = names[random.below(names.length)]!
  harm(join(newest.path, name), bench)
  const ended = await goOn(lab, out).ended
  const said = ended.err.includes(`skipped the checkpoint ${newest.path}: `)
  const problems = said ? [] : [`damage of ${name} is not told: ${ended.err}`]
  const from = ended.events.find(({ type }) => type === 'start')?.step
  if (from === undefined || from >= newest.step)
    problems.push(`it went on from step ${from}, not from one before ${newest.step}`)
  if (ended.code !== 0) problems.push(`exited with ${exitOf(ended)}`)
  return { problems: [...problems, ...(await compare(lab, out))], interruptions: 1 }
}

function flip(file: string, { random }: Bench): void {
  flipByte(file, random.below(statSync(file).size))
}

/** Shorter by some bytes, or longer by one. */
function truncate(file: string, { random }: Bench): void {
  const { size } = statSync(file)
  if (random.below(8) === 0) writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('\n')]))
  else truncateSync(file, random.below(size))
}
