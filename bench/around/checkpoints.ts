import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { CheckpointState } from '../../lib/checkpoint/manifest.js'
import { openCheckpoint } from '../../lib/checkpoint/open.js'
import { CheckpointSaver, type PendingSave } from '../../lib/checkpoint/saver.js'
import { regionSnapshot, regionWriter } from '../../lib/train/engine.js'
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
  const begin = async (): Promise<PendingSave> => {
    const { weights, m, v } = (await session.get()).engine.state
    const saver = new CheckpointSaver({
      folder: join(await folder.get(), 'checkpoints'),
      keep: 2,
      keepEvery: 0,
    })
    return saver.begin({
      state: stateAt(++step),
      table: weights.table,
      regions: {
        weights: () => regionSnapshot(weights),
        m: () => regionSnapshot(m),
        v: () => regionSnapshot(v),
      },
      best: undefined,
    })
  }
  const save = async () => (await begin()).finished
  const load = async (path: string) => {
    const { engine } = await session.get()
    const checkpoint = await openCheckpoint(path)
    for (const [name, parameters] of Object.entries(engine.state))
      await checkpoint.load(name, parameters.table, regionWriter(parameters))
    await engine.restored()
    return checkpoint.bytes
  }
  const row = { sizes: `of ${what}`, unit: 'B' } as const
  return [
    {
      ...row,
      name: 'save a checkpoint',
      follows: 'disk',
      note: 'synced to disk by a thread of its own, and an old one removed; training goes on',
      measure: ({ aroundRuns }) => timed(aroundRuns, 0, async () => (await save()).bytes),
    },
    {
      ...row,
      name: 'copy the state for a checkpoint',
      follows: 'memory',
      note: 'training waits for as long',
      measure: async ({ aroundRuns }) => {
        const seconds: number[] = []
        let amount = 0
        for (let run = 0; run < aroundRuns; run++) {
          const start = performance.now()
          const { copied, finished } = await begin()
          await copied
          seconds.push((performance.now() - start) / 1000)
          amount = (await finished).bytes
        }
        return { seconds, amount }
      },
    },
    {
      ...row,
      name: 'load a checkpoint',
      follows: 'disk',
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

function stateAt(step: number): CheckpointState {
  const moments = { count: 0, mean: 0, variance: 0 }
  return {
    ...{ step, stage: 0, stageStep: step, samples: step, tokens: step, flops: step },
    ...{ stageOrigin: 0, stageSamples: step, updates: step },
    health: { incidents: 0, spent: 0, loss: moments, gradientNorm: moments },
    codeVersion: '',
    run: { config: {}, tokenizer: '', data: '' },
  }
}
