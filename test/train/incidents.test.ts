import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listCheckpoints } from '../../lib/checkpoint/folder.js'
import type { UserConfig } from '../../lib/config/schema.js'
import type { HealthEvent, StepEvent, TrainEvent } from '../../lib/events.js'
import { readMetrics } from '../../lib/report/metrics.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import {
  finalState,
  recordedTrace,
  runTiny,
  temporaryFolder,
  tinyConfig,
  train,
} from '../helpers/tiny-run.js'

/** Limits so tight, and losses so flat, that ordinary steps count as spikes: real ones, at the same steps every time. */
const nervous = { spikeDeviations: 1.5, window: 4 } as const

function nervousConfig(folder: string, health: UserConfig['health'], steps = 24): UserConfig {
  const config = tinyConfig(folder, {
    health: { ...nervous, ...health },
    optimizer: { learningRate: 1e-5, warmupSteps: 0 },
    sample: { tokens: 0 },
  })
  return { ...config, schedule: { ...config.schedule!, totalSteps: steps } }
}

const health = (events: readonly { type: string }[]) =>
  events.filter((event): event is HealthEvent => event.type === 'health')
const steps = (events: readonly TrainEvent[]) =>
  events.filter((event): event is StepEvent => event.type === 'step')

async function failing(config: UserConfig): Promise<{ events: TrainEvent[]; error: unknown }> {
  const trainer = await PatchTrainer.create(config)
  const events: TrainEvent[] = []
  try {
    for await (const event of trainer.train()) events.push(event)
    return { events, error: undefined }
  } catch (error) {
    return { events, error }
  } finally {
    await trainer.dispose()
  }
}

async function resumed(folder: string): Promise<TrainEvent[]> {
  const trainer = await PatchTrainer.resume(join(folder, 'run'))
  try {
    return await train(trainer)
  } finally {
    await trainer.dispose()
  }
}

describe('spikes', () => {
  it('recorded change nothing', async () => {
    const [calm, told] = [temporaryFolder(), temporaryFolder()]
    await runTiny(nervousConfig(calm, { spikeDeviations: 1e9 }))
    const events = await runTiny(nervousConfig(told, { spike: 'record' }))
    expect(health(events).length).toBeGreaterThan(0)
    expect(health(events)[0]).toMatchObject({
      finding: 'spike',
      action: 'record',
      incident: 1,
      budgetLeft: 10,
    })
    expect(await finalState(join(told, 'run'))).toEqual(await finalState(join(calm, 'run')))
  })

  it('skipped leave weights and optimizer alone, and cost the budget', async () => {
    const folder = temporaryFolder()
    const events = await runTiny(nervousConfig(folder, { spike: 'skip', budget: 100 }))
    const skipped = steps(events).filter((event) => event.skipped)
    expect(skipped.length).toBeGreaterThan(0)
    expect(health(events).map((event) => event.step)).toEqual(skipped.map((event) => event.step))
    expect(health(events).map((event) => event.budgetLeft)).toEqual(skipped.map((_, i) => 99 - i))
    expect(health(events)[0]!.batch).toEqual(skipped[0]!.batch)
    // The batch of a skipped step is behind: no sample is read twice within a stage, none is left out.
    for (const stage of [0, 1]) {
      const firsts = steps(events).flatMap((event) =>
        event.stage === stage ? [event.batch.firstSample] : [],
      )
      const { sequences } = steps(events).find((event) => event.stage === stage)!.batch
      expect(firsts).toEqual(firsts.map((_, i) => firsts[0]! + i * sequences))
    }
  })

  it('rolled back go on from the checkpoint before with data behind the spike', async () => {
    const folder = temporaryFolder()
    const events = await runTiny(nervousConfig(folder, { spike: 'rollback', budget: 100 }))
    const [first] = health(events)
    expect(first).toMatchObject({ action: 'rollback', rolledBackTo: expect.any(Number) as number })
    const after = events.slice(events.indexOf(first!) + 1).find((event) => event.type === 'step')!
    expect(after.step).toBe(first!.rolledBackTo! + 1)
    expect(after.batch.firstSample).toBeGreaterThanOrEqual(first!.batch.firstSample)
    expect(events.at(-1)).toMatchObject({ reason: 'done', step: 24 })
    // One continuous run, and the incidents beside it.
    const lines = readMetrics(join(folder, 'run', 'metrics.jsonl'))
    expect(lines.flatMap((line) => (line.type === 'step' ? [line.step] : []))).toEqual(
      Array.from({ length: 24 }, (_, i) => i + 1),
    )
    expect(health(lines)).toHaveLength(health(events).length)
  })

  it.each(['skip', 'rollback'] as const)('a run with %s is resumed bit for bit', async (spike) => {
    const [whole, cut] = [temporaryFolder(), temporaryFolder()]
    await runTiny(nervousConfig(whole, { spike, budget: 100 }))
    for (let stop = 3; stop < 40; stop += 7) {
      const trainer = existsSync(join(cut, 'run'))
        ? await PatchTrainer.resume(join(cut, 'run'))
        : await PatchTrainer.create(nervousConfig(cut, { spike, budget: 100 }))
      let taken = 0
      for await (const event of trainer.train()) if (event.type === 'step' && ++taken === stop) break // no goodbye
      await trainer.dispose()
    }
    await resumed(cut)
    expect(health(readMetrics(join(whole, 'run', 'metrics.jsonl'))).length).toBeGreaterThan(2)
    expect(recordedTrace(join(cut, 'run'))).toEqual(recordedTrace(join(whole, 'run')))
    expect(health(readMetrics(join(cut, 'run', 'metrics.jsonl')))).toEqual(
      health(readMetrics(join(whole, 'run', 'metrics.jsonl'))),
    )
    expect(await finalState(join(cut, 'run'))).toEqual(await finalState(join(whole, 'run')))
  })

  it('stop the run when that is asked for, or the budget is spent; what was learned is saved', async () => {
    for (const spike of ['stop', 'skip', 'rollback'] as const) {
      const folder = temporaryFolder()
      const { events, error } = await failing(nervousConfig(folder, { spike, budget: 0 }))
      expect(error).toMatchObject({ code: 'ERR_SPIKE' })
      const stopped = health(events).at(-1)!
      expect((error as Error).message).toContain(`Step ${stopped.step}: loss`)
      expect(stopped).toMatchObject({ action: 'stop', incident: 1 })
      const [newest] = await listCheckpoints(join(folder, 'run', 'checkpoints'))
      expect(newest!.step).toBe(stopped.step - 1)
    }
  })
})

it('values that are not finite can be skipped until the budget is spent', async () => {
  const folder = temporaryFolder()
  const config = tinyConfig(folder, {
    optimizer: { learningRate: 1e30, warmupSteps: 0, gradientClip: 0 },
    health: { nonFinite: 'skip', budget: 3 },
  })
  const { events, error } = await failing(config)
  expect(health(events).map(({ action }) => action)).toEqual(['skip', 'skip', 'skip', 'stop'])
  expect(health(events)[0]).toMatchObject({ finding: 'non-finite', budgetLeft: 2 })
  expect(error).toMatchObject({ code: 'ERR_NON_FINITE' })
  expect((error as Error).message).toContain('budget of 3')
})

describe('saves', () => {
  it('an evaluation that died with the process is made up for', async () => {
    const [whole, cut] = [temporaryFolder(), temporaryFolder()]
    const evaluations = (folder: string) =>
      readMetrics(join(folder, 'run', 'metrics.jsonl')).filter((line) => line.type === 'evaluation')
    await runTiny(tinyConfig(whole))
    await runTiny(tinyConfig(cut))
    // As if killed after the save of step 4 and before its evaluation was recorded.
    const path = join(cut, 'run', 'metrics.jsonl')
    const lines = readFileSync(path, 'utf8').split('\n')
    const upTo = lines.findIndex((line) => line.includes('"evaluation"'))
    writeFileSync(path, lines.slice(0, upTo).join('\n') + '\n')
    for (const { step, path: checkpoint } of await listCheckpoints(join(cut, 'run', 'checkpoints')))
      if (step > 4) rmSync(checkpoint, { recursive: true })
    await resumed(cut)
    expect(evaluations(cut)).toEqual(evaluations(whole))
  })

  it('one that fails is told, and the next one makes up for it', async () => {
    const folder = temporaryFolder()
    const trainer = await PatchTrainer.create(tinyConfig(folder))
    const checkpoints = join(folder, 'run', 'checkpoints')
    const events: TrainEvent[] = []
    writeFileSync(checkpoints, 'in the way')
    for await (const event of trainer.train()) {
      events.push(event)
      if (event.type === 'step' && event.step === 5) rmSync(checkpoints)
    }
    await trainer.dispose()
    const failed = events.find((event) => event.type === 'save-failed')
    expect(failed).toMatchObject({ step: 2 })
    expect(failed!.message).toContain(checkpoints)
    expect(events.at(-1)).toMatchObject({ reason: 'done' })
    expect((await listCheckpoints(checkpoints))[0]!.step).toBe(8)
  })

  it('asked for while training are of whole steps, and disturb nothing', async () => {
    const [whole, asked] = [temporaryFolder(), temporaryFolder()]
    await runTiny(tinyConfig(whole))
    const trainer = await PatchTrainer.create(tinyConfig(asked))
    const saves: Promise<string>[] = []
    const controller = new AbortController()
    for await (const event of trainer.train({ signal: controller.signal }))
      if (event.type === 'step') saves.push(trainer.save(), trainer.save()) // not waited for
    expect((await Promise.all(saves)).length).toBe(16)
    await trainer.dispose()
    expect(await finalState(join(asked, 'run'))).toEqual(await finalState(join(whole, 'run')))
    expect(recordedTrace(join(asked, 'run'))).toEqual(recordedTrace(join(whole, 'run')))
  })

  it('the last one failing is an error', async () => {
    const folder = temporaryFolder()
    const trainer = await PatchTrainer.create(tinyConfig(folder))
    writeFileSync(join(folder, 'run', 'checkpoints'), 'in the way')
    await expect(train(trainer)).rejects.toMatchObject({ code: 'ERR_SAVE' })
    await trainer.dispose()
  })

  it('the best checkpoint by validation loss stays', async () => {
    const folder = temporaryFolder()
    // A rate at which the loss gets worse: the first evaluation is the best.
    const config = tinyConfig(folder, {
      optimizer: { learningRate: 3, warmupSteps: 0 },
      evaluation: { everySteps: 2, maxTokens: 1024 },
    })
    const events = await runTiny(config)
    const losses = events.flatMap((event) => (event.type === 'evaluation' ? [event] : []))
    const best = losses.reduce((a, b) => (b.loss < a.loss ? b : a)).step
    const kept = (await listCheckpoints(join(folder, 'run', 'checkpoints'))).map(({ step }) => step)
    expect(best).toBeLessThan(6)
    expect(kept).toEqual([8, 6, best])
  })
})

it('a rollback without a checkpoint to go back to stops as stop does, told and saved', async () => {
  const folder = temporaryFolder()
  const config = tinyConfig(folder, {
    optimizer: { learningRate: 1e30, warmupSteps: 0, gradientClip: 0 },
    checkpoint: { everySteps: 0 },
    health: { nonFinite: 'rollback' },
  })
  const { error } = await failing(config)
  expect((error as Error).message).toContain('no checkpoint to roll back to')
  const lines = readMetrics(join(folder, 'run', 'metrics.jsonl'))
  const [stopped] = health(lines)
  expect(stopped).toMatchObject({ action: 'stop', finding: 'non-finite' })
  expect((await listCheckpoints(join(folder, 'run', 'checkpoints')))[0]!.step).toBe(stopped!.step - 1)
})

it('a trainer that is disposed of while it trains rejects once, and nothing else fails', async () => {
  const unhandled: unknown[] = []
  const listener = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', listener)
  onTestFinished(() => void process.off('unhandledRejection', listener))
  const trainer = await PatchTrainer.create(tinyConfig(temporaryFolder()))
  const training = async () => {
    for await (const event of trainer.train())
      if (event.type === 'step' && event.step === 3) await trainer.dispose()
  }
  await expect(training()).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(unhandled).toEqual([])
})

it('a record with holes is told of when the run goes on; failed saves stay on it', async () => {
  const folder = temporaryFolder()
  const first = await PatchTrainer.create(tinyConfig(folder))
  await train(first, 5)
  await first.dispose()
  const path = join(folder, 'run', 'metrics.jsonl')
  const lines = readFileSync(path, 'utf8').split('\n')
  const kept = lines.filter((line) => !/"type":"step","step":[23],/.test(line))
  kept.splice(-1, 0, JSON.stringify({ type: 'save-failed', step: 99, message: 'disk full' }))
  writeFileSync(path, kept.join('\n'))
  const notices: string[] = []
  const second = await PatchTrainer.resume(join(folder, 'run'), {
    onProgress: (progress) => progress.stage === 'notice' && notices.push(progress.message),
  })
  expect(notices.join()).toContain('lacks 2 of the steps up to 5, the first is 2')
  await train(second)
  await second.dispose()
  expect(readMetrics(path).some((line) => line.type === 'save-failed')).toBe(true)
})

it('a run that is done is not touched by a resume', async () => {
  const folder = temporaryFolder()
  await runTiny(tinyConfig(folder))
  const files = ['metrics.jsonl', 'loss.svg', 'model/model.safetensors', 'checkpoints/latest']
  const state = () => files.map((file) => statSync(join(folder, 'run', file)).mtimeMs)
  const before = state()
  const events = await resumed(folder)
  expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
  expect(events.at(-1)).toMatchObject({ reason: 'done' })
  expect(state()).toEqual(before)
})
