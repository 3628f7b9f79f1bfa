import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { UserConfig } from '../../lib/config/schema.js'
import { CheckpointError, ConfigError } from '../../lib/errors.js'
import { loadModel } from '../../lib/eval/model.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { profileRun } from '../../lib/train/profile.js'
import { replayStep } from '../../lib/train/replay.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import { writerOf } from '../checkpoint/fixture.js'
import { publicModel, publicShape, publicTable, publicWeights } from '../helpers/public-model.js'
import { finalState, recordedTrace, temporaryFolder, tinyConfig, train } from '../helpers/tiny-run.js'

function configFrom(parent: string, from: string, out = 'run'): UserConfig {
  return tinyConfig(parent, { name: 'from', model: { from }, out: join(parent, out) })
}

async function readWeights(folder: string): Promise<Float32Array> {
  const source = await HuggingFaceModel.open(folder)
  expect(source.model).toEqual(publicShape)
  const region = new Float32Array(publicTable.size)
  await source.load(writerOf(region))
  await source.close()
  return region
}

describe('training from a model folder', () => {
  it('begins with its weights, bit for bit, and with its tokenizer', async () => {
    const parent = temporaryFolder()
    const from = await publicModel(parent)
    const trainer = await PatchTrainer.create(configFrom(parent, from))
    await trainer.export(join(parent, 'begun'))
    await trainer.dispose()
    expect(await readWeights(join(parent, 'begun'))).toEqual(publicWeights())
    const names = (await readdir(from)).filter((name) => name.startsWith('tokenizer'))
    expect(names.length).toBeGreaterThan(1)
    for (const name of names)
      expect(await readFile(join(parent, 'begun', name))).toEqual(await readFile(join(from, name)))
  })

  it('goes on after the folder has gone, with the same bits as a run that was never stopped', async () => {
    const parent = temporaryFolder()
    const from = await publicModel(parent)
    const whole = await PatchTrainer.create(configFrom(parent, from, 'whole'))
    await train(whole)
    await whole.dispose()

    const first = await PatchTrainer.create(configFrom(parent, from))
    await train(first, 3)
    await first.dispose()
    await rm(from, { recursive: true })
    const notices: unknown[] = []
    const resumed = await PatchTrainer.resume(join(parent, 'run'), {
      onProgress: (progress) => progress.stage === 'notice' && notices.push(progress),
    })
    await train(resumed)
    await resumed.dispose()
    expect(notices).toEqual([])
    expect(recordedTrace(join(parent, 'run'))).toEqual(recordedTrace(join(parent, 'whole')))
    expect(await finalState(join(parent, 'run'))).toEqual(await finalState(join(parent, 'whole')))

    // What the run holds is a model of its own: its export, its checkpoints, and what a step takes.
    const checkpoints = join(parent, 'run', 'checkpoints')
    const newest = (await readdir(checkpoints))
      .filter((name) => /^step-\d+$/.test(name))
      .sort()
      .at(-1)!
    for (const path of [join(parent, 'run'), join(checkpoints, newest)]) {
      const loaded = await loadModel(path, { device: 'cpu' })
      expect(loaded.model).toMatchObject(publicShape)
      expect(loaded.tokenizer.vocabSize).toBe(700)
      loaded.dispose()
    }
    expect((await replayStep(join(parent, 'run'), 8)).same).toMatchObject({ loss: true, gradientNorm: true })
    const config = resumed.config
    expect((await profileRun(config, { steps: 1 })).stages).toHaveLength(2)
  })

  it('refuses a folder that lacks a weight before anything is written', async () => {
    const parent = temporaryFolder()
    const from = await publicModel(parent)
    const [shard] = (await readdir(from)).filter((name) => name.endsWith('.safetensors')).sort()
    await rm(join(from, shard!))
    for (const dryRun of [false, true])
      await expect(PatchTrainer.create(configFrom(parent, from), { dryRun })).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_MISSING',
        message: expect.stringContaining(shard!),
      })
    expect(await readdir(parent)).toEqual(['public'])
  })

  it('refuses a weight that is no number, and an earlier run stays as it was', async () => {
    const parent = temporaryFolder()
    const config = configFrom(parent, await publicModel(parent))
    const earlier = await PatchTrainer.create(config)
    await train(earlier)
    await earlier.dispose()
    const before = await finalState(join(parent, 'run'))
    const spoilt = publicWeights()
    spoilt[publicTable.get('layers.1.attention.out').offset + 3] = NaN
    await rm(join(parent, 'public'), { recursive: true })
    await publicModel(parent, spoilt)
    const again = PatchTrainer.create(config, { existing: 'replace' })
    await expect(again).rejects.toThrow(CheckpointError)
    await expect(again).rejects.toThrow(/model\.layers\.1\.self_attn\.o_proj\.weight in .* holds NaN/)
    expect(await finalState(join(parent, 'run'))).toEqual(before)
  })

  it('refuses a resolved configuration whose folder holds another model by now', async () => {
    const parent = temporaryFolder()
    const from = await publicModel(parent)
    const trainer = await PatchTrainer.create(configFrom(parent, from), { dryRun: true })
    const { config } = trainer
    await trainer.dispose()
    const path = join(from, 'config.json')
    const other = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
    await writeFile(path, JSON.stringify({ ...other, rms_norm_eps: 1e-5 }))
    const begun = PatchTrainer.create(config)
    await expect(begun).rejects.toThrow(ConfigError)
    await expect(begun).rejects.toThrow(/model\.normEpsilon is 0\.000001, but the model in .* has 0\.00001/)
  })

  it('may replace the very run whose finished model it begins with', async () => {
    const parent = temporaryFolder()
    const earlier = await PatchTrainer.create(configFrom(parent, await publicModel(parent)))
    await train(earlier)
    await earlier.dispose()
    const finished = await readWeights(join(parent, 'run', 'model'))
    const config = configFrom(parent, join(parent, 'run', 'model'))
    const trainer = await PatchTrainer.create(config, { existing: 'replace' })
    expect(existsSync(join(parent, 'run', 'model'))).toBe(false)
    await cp(join(parent, 'run', 'config.yaml'), join(parent, 'kept.yaml'))
    await train(trainer)
    await trainer.export(join(parent, 'end'))
    await trainer.dispose()
    expect(await readWeights(join(parent, 'end'))).not.toEqual(finished)
  })
})
