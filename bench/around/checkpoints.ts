import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../lib/checkpoint/open.js'
import { saveCheckpoint } from '../../lib/checkpoint/save.js'
import { regionReader, regionWriter } from '../../lib/train/engine.js'
import type { StepSession } from '../step/session.js'
import type { Shared } from './shared.js'
import { timed, type AroundSpec } from './subject.js'

/** Saving and loading what the trainer saves: weights and both moments, hashed, synced, verified. */
export function checkpoints(
  session: Shared<StepSession>,
  what: string,
  folder: Shared<string>,
): AroundSpec[] {
  let step = 0
  const save = async () => {
    const { state } = (await session.get()).engine
    const { weights, m, v } = state
    return saveCheckpoint({
      folder: join(await folder.get(), 'checkpoints'),
      state: {
        ...{
          step: ++step,
          stage: 0,
          stageStep: step,
          samples: step,
          tokens: step,
          flops: step,
          codeVersion: '',
        },
        run: { config: {}, tokenizer: '', data: '' },
      },
      table: weights.table,
      regions: { weights: regionReader(weights), m: regionReader(m), v: regionReader(v) },
      keep: 2,
    })
  }
  const load = async (path: string) => {
    const { engine } = await session.get()
    const checkpoint = await openCheckpoint(path)
    for (const [name, parameters] of Object.entries(engine.state))
      await checkpoint.load(name, parameters.table, regionWriter(parameters))
    await engine.restored()
    return checkpoint.bytes
  }
  const row = { sizes: `of ${what}`, follows: 'disk', unit: 'B' } as const
  return [
    {
      ...row,
      name: 'save a checkpoint',
      note: 'synced to disk; training stands still for as long',
      measure: ({ aroundRuns }) => timed(aroundRuns, 0, async () => (await save()).bytes),
    },
    {
      ...row,
      name: 'load a checkpoint',
      note: 'from the page cache, every byte verified',
      measure: async ({ aroundRuns }) => {
        const { path } = await save()
        const round = await timed(aroundRuns, 0, () => load(path))
        rmSync(path, { recursive: true })
        return round
      },
    },
  ]
}
