import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { evaluateTasks } from '../../lib/eval/evaluate-tasks.js'
import { loadModel } from '../../lib/eval/model.js'
import type { UserConfig } from '../../lib/config/schema.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { finalState, runTiny, temporaryFolder, tinyConfig, trace, train } from '../helpers/tiny-run.js'

it('the run folder holds configuration, metrics, checkpoints, picture and model, and every event is in the metrics', async () => {
  const folder = temporaryFolder()
  const events = await runTiny(tinyConfig(folder))
  for (const name of [
    'config.yaml',
    'metrics.jsonl',
    'checkpoints/latest',
    'loss.svg',
    'model/model.safetensors',
  ])
    expect(existsSync(join(folder, 'run', name)), name).toBe(true)
  const lines = readFileSync(join(folder, 'run', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(
    events.map((event) => event.type),
  )
  expect(events.filter((event) => event.type === 'stage').map((event) => event.stage.patchSize)).toEqual([
    4, 1,
  ])
  expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'done', step: 8, tokens: 8 * 512 })
})

it('the result does not depend on the number of threads', async () => {
  const results = []
  for (const threads of [1, 2, 3]) {
    const folder = temporaryFolder()
    const events = await runTiny(tinyConfig(folder, { threads }))
    results.push({ trace: trace(events), state: await finalState(join(folder, 'run')) })
  }
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

it('what is recomputed changes memory, not one bit of the result', async () => {
  const results = []
  for (const recompute of ['none', 'elementwise', 'layer'] as const)
    results.push(trace(await runTiny(tinyConfig(temporaryFolder(), { recompute }))))
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

it('a patch stage with K = 1 is ordinary training, bit for bit', async () => {
  const schedule = { totalSteps: 6, batchTokens: 256, context: 32 }
  const token = await runTiny(tinyConfig(temporaryFolder(), { schedule: { ...schedule, recipe: 'token' } }))
  const stage = { patchSize: 1, context: 32, batchTokens: 256, carry: 'all', scheduleSpan: 'run' } as const
  const stages: UserConfig['stages'] = [
    { ...stage, name: 'patches of one', steps: 3 },
    { ...stage, name: 'tokens', steps: 3 },
  ]
  const config = tinyConfig(temporaryFolder(), {
    stages,
    optimizer: { learningRate: 1e-2, warmupSteps: 1 },
  })
  delete config.schedule
  expect(trace(await runTiny(config))).toEqual(trace(token))
})

it('the second stage reads text that the first has not read', async () => {
  const folder = temporaryFolder()
  const trainer = await PatchTrainer.create(tinyConfig(folder))
  const events = await train(trainer)
  await trainer.dispose()
  expect(events.filter((event) => event.type === 'step').map((event) => event.tokens)).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((step) => step * 512),
  )
})

it('a loss that is not finite stops the run, names step and samples, and changes nothing', async () => {
  const folder = temporaryFolder()
  const config = tinyConfig(folder, {
    optimizer: { learningRate: 1e30, warmupSteps: 0, gradientClip: 0 },
    checkpoint: { everySteps: 1 },
  })
  const trainer = await PatchTrainer.create(config)
  await expect(train(trainer)).rejects.toMatchObject({
    code: 'ERR_NON_FINITE',
    message: expect.stringMatching(
      /Step \d+: the (loss|gradient) is not finite .* samples \d+ … \d+ of stage 'patch'/,
    ) as string,
  })
  const steps = trainer.step
  await trainer.dispose()
  // The last checkpoint is whole, and of the last step that was finite.
  const resumed = await PatchTrainer.resume(join(folder, 'run'))
  expect(resumed.step).toBe(steps)
  await resumed.dispose()
})

it('an existing run is not overwritten unless that is asked for', async () => {
  const folder = temporaryFolder()
  await runTiny(tinyConfig(folder))
  await expect(PatchTrainer.create(tinyConfig(folder))).rejects.toMatchObject({
    code: 'ERR_CONFIG',
    path: 'out',
  })
  const again = await PatchTrainer.create(tinyConfig(folder), { existing: 'replace' })
  expect(existsSync(join(folder, 'run', 'checkpoints'))).toBe(false)
  await again.dispose()
})

it('what no run wrote is never replaced, asked for or not', async () => {
  const folder = temporaryFolder()
  const precious = join(folder, 'run', 'model', 'precious.txt')
  mkdirSync(join(folder, 'run', 'model'), { recursive: true })
  writeFileSync(precious, 'x')
  for (const existing of ['refuse', 'replace'] as const)
    await expect(PatchTrainer.create(tinyConfig(folder), { existing })).rejects.toThrow(
      /which no training run wrote/,
    )
  expect(readFileSync(precious, 'utf8')).toBe('x')
})

it('a run folder belongs to one trainer at a time, and a dead one gives it up', async () => {
  const folder = temporaryFolder()
  const first = await PatchTrainer.create(tinyConfig(folder))
  await first.save()
  const inUse = {
    code: 'ERR_CONFIG',
    message: expect.stringContaining(`in use by process ${process.pid}`) as string,
  }
  await expect(PatchTrainer.resume(join(folder, 'run'))).rejects.toMatchObject(inUse)
  await expect(PatchTrainer.create(tinyConfig(folder), { existing: 'replace' })).rejects.toMatchObject(inUse)
  await first.dispose()
  // No such process; and one that died before us with our number, as happens in containers.
  for (const dead of [999_999_999, process.pid]) {
    writeFileSync(join(folder, 'run', 'lock'), `${dead}`)
    const again = await PatchTrainer.resume(join(folder, 'run'))
    await again.dispose()
  }
  expect(readFileSync(join(folder, 'run', 'lock'), 'utf8')).toBe('') // the file stays, the lock does not
})

it('a dry run writes no run folder and knows what the run will take', async () => {
  const folder = temporaryFolder()
  const trainer = await PatchTrainer.create(tinyConfig(folder), { dryRun: true })
  const plan = trainer.plan()
  await trainer.dispose()
  expect(existsSync(join(folder, 'run'))).toBe(false)
  expect(plan).toMatchObject({
    steps: 8,
    tokens: 8 * 512,
    parameters: 32 * 258 * 2 + 2 * (64 * 32 + 32 * 32 + 96 * 32 + 32 * 48 + 64) + 32,
  })
  expect(plan.cost).toBeCloseTo(0.5 / 4 + 0.5, 12) // λ/K + 1 − λ
  expect(plan.plans.map((p) => p.label)).toContain('optimizer')
})

it('a disposed trainer refuses to work and can be disposed of again', async () => {
  const trainer = await PatchTrainer.create(tinyConfig(temporaryFolder()))
  await trainer.dispose()
  await trainer.dispose()
  expect(() => trainer.plan()).toThrow(/disposed/)
  await expect(trainer.save()).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
  await expect(trainer.train().next()).rejects.toMatchObject({ code: 'ERR_DISPOSED' })
})

it('one trainer trains once at a time', async () => {
  const trainer = await PatchTrainer.create(tinyConfig(temporaryFolder()))
  const first = trainer.train()
  await first.next()
  await expect(trainer.train().next()).rejects.toThrow(/training already/)
  await first.return()
  await trainer.dispose()
})

it('is scored on benchmark tasks while it trains, and refuses data that is not there before it begins', async () => {
  const folder = temporaryFolder()
  writeEvalData(join(folder, 'eval'))
  const tasks = { names: ['hellaswag', 'piqa'], data: join(folder, 'eval'), everySteps: 4 }
  const { schedule } = tinyConfig(folder)
  const longer = { schedule: { ...schedule!, context: 128, batchTokens: 2048 } }
  const events = await runTiny(tinyConfig(folder, { ...longer, tasks }))
  const scored = events.filter((event) => event.type === 'tasks')
  expect(scored.map(({ step }) => step)).toEqual([4, 8])
  expect(scored[0]!.results.map(({ name, examples }) => [name, examples > 0])).toEqual([
    ['hellaswag', true],
    ['piqa', true],
  ])
  // What they see is the model of that step: scored again from the finished model, the last results are the same.
  const model = await loadModel(join(folder, 'run'))
  expect(await evaluateTasks(model, tasks.names, { data: tasks.data })).toEqual(scored[1]!.results)
  model.dispose()

  const out = join(folder, 'second')
  const missing = tinyConfig(folder, { ...longer, out, tasks: { ...tasks, data: join(folder, 'nowhere') } })
  await expect(PatchTrainer.create(missing)).rejects.toMatchObject({ code: 'ERR_DATA' })
  expect(existsSync(join(out, 'config.yaml'))).toBe(false)
})
