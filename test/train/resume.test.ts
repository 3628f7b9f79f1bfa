import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PatchTrainer } from '../../lib/train/trainer.js'
import {
  finalState,
  recordedTrace,
  runTiny,
  temporaryFolder,
  tinyConfig,
  train,
} from '../helpers/tiny-run.js'

// In the middle of the patch stage, at the switch, and in the middle of the token stage.
it.each([1, 4, 5])(
  'a run stopped after step %i and resumed equals the uninterrupted one bit for bit',
  async (stopAfter) => {
    const whole = temporaryFolder()
    await runTiny(tinyConfig(whole))

    const cut = temporaryFolder()
    const first = await PatchTrainer.create(tinyConfig(cut))
    const events = await train(first, stopAfter)
    await first.dispose()
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'stopped', step: stopAfter })

    const second = await PatchTrainer.resume(join(cut, 'run'))
    expect(second.step).toBe(stopAfter)
    await train(second)
    await second.dispose()

    expect(recordedTrace(join(cut, 'run'))).toEqual(recordedTrace(join(whole, 'run')))
    expect(await finalState(join(cut, 'run'))).toEqual(await finalState(join(whole, 'run')))
    expect(readFileSync(join(cut, 'run', 'model', 'model.safetensors'))).toEqual(
      readFileSync(join(whole, 'run', 'model', 'model.safetensors')),
    )
  },
)

it('a run that died between checkpoints goes back to the last one and repeats the steps exactly', async () => {
  const whole = temporaryFolder()
  await runTiny(tinyConfig(whole))

  const cut = temporaryFolder()
  const first = await PatchTrainer.create(tinyConfig(cut))
  for await (const event of first.train()) if (event.type === 'step' && event.step === 5) break // no goodbye
  await first.dispose()

  const second = await PatchTrainer.resume(join(cut, 'run'))
  expect(second.step).toBe(4)
  await train(second)
  await second.dispose()
  expect(recordedTrace(join(cut, 'run'))).toEqual(recordedTrace(join(whole, 'run')))
  expect(await finalState(join(cut, 'run'))).toEqual(await finalState(join(whole, 'run')))
})

it('a damaged newest checkpoint is skipped, and said to be', async () => {
  const folder = temporaryFolder()
  await runTiny(tinyConfig(folder))
  const newest = join(folder, 'run', 'checkpoints', 'step-00000008', 'm.safetensors')
  const bytes = readFileSync(newest)
  bytes[bytes.length - 5]! ^= 1
  writeFileSync(newest, bytes)
  const notices: string[] = []
  const trainer = await PatchTrainer.resume(join(folder, 'run'), {
    onProgress: (progress) => progress.stage === 'notice' && notices.push(progress.message),
  })
  expect(trainer.step).toBe(6)
  expect(notices.join()).toMatch(/skipped .*step-00000008.*damaged/)
  await trainer.dispose()
})

it('resuming with other data, another tokenizer or another seed is refused and lists what differs', async () => {
  const folder = temporaryFolder()
  await runTiny(tinyConfig(folder))
  const config = join(folder, 'run', 'config.yaml')
  const original = readFileSync(config, 'utf8')
  writeFileSync(config, original.replace('seed: 7', 'seed: 8'))
  await expect(PatchTrainer.resume(join(folder, 'run'))).rejects.toThrow(/config\.seed: checkpoint 7, now 8/)
  const other = join(folder, 'other.txt')
  writeFileSync(other, readFileSync('data/tinyshakespeare.txt', 'utf8').slice(0, 200_000))
  writeFileSync(config, original.replace('data/tinyshakespeare.txt', other))
  await expect(PatchTrainer.resume(join(folder, 'run'))).rejects.toMatchObject({
    code: 'ERR_CHECKPOINT_MISMATCH',
  })
  writeFileSync(config, original)
  await rm(join(folder, 'run', 'checkpoints'), { recursive: true })
  await expect(PatchTrainer.resume(join(folder, 'run'))).rejects.toMatchObject({
    code: 'ERR_CHECKPOINT_MISSING',
  })
})
