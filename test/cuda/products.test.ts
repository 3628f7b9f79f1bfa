// Matrix products by a library that was found at run time, here by one that stands in for cuBLASLt.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { loadAddon } from '../../lib/native/load.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import { kernelsMissing } from '../helpers/run-kernel.js'
import { recordedTrace, runTiny, temporaryFolder, tinyConfig, train } from '../helpers/tiny-run.js'

const library = join(dirname(loadAddon().path), 'fake-cublaslt.so')

function config(folder: string, out: string) {
  return tinyConfig(folder, {
    model: { width: 64, feedForward: 96, layers: 1, heads: 2, kvHeads: 1, headDim: 32 },
    schedule: {
      totalSteps: 4,
      batchTokens: 128,
      context: 16,
      patchSize: 4,
      patchFraction: 0.5,
      microBatchSequences: 2,
    },
    device: 'cuda-emu',
    out: join(folder, out),
    checkpoint: { everySteps: 1 },
    sample: { tokens: 0 },
  })
}

function withLibrary(path: string) {
  vi.stubEnv('PATCHTRAIN_CUBLASLT', path)
  onTestFinished(() => void vi.unstubAllEnvs())
}

async function startNotes(trainer: PatchTrainer): Promise<readonly string[]> {
  const [start] = await train(trainer)
  await trainer.dispose()
  return start?.type === 'start' ? start.deviceNotes : []
}

describe.skipIf(kernelsMissing || !existsSync(library))('the choice of algorithms', () => {
  it(
    'is kept in the run folder, taken over on resume, and said at the start',
    { timeout: 120_000 },
    async () => {
      withLibrary(library)
      const folder = temporaryFolder()
      await runTiny(config(folder, 'whole'))
      const whole = config(folder, 'whole').out!
      const kept = readFileSync(join(whole, 'products.json'), 'utf8')
      expect(Object.keys((JSON.parse(kept) as { products: object }).products).length).toBeGreaterThan(5)

      const stopped = config(folder, 'stopped')
      const first = await PatchTrainer.create(stopped)
      await train(first, 2)
      await first.dispose()
      // As if this host had chosen like the other: timings differ from run to run, the bits must not.
      writeFileSync(join(stopped.out!, 'products.json'), kept)
      const notes = await startNotes(await PatchTrainer.resume(stopped.out!))
      expect(notes.join('\n')).toMatch(/cuBLASLt/)
      expect(recordedTrace(stopped.out!)).toEqual(recordedTrace(whole))
    },
  )

  it('that is damaged is refused with a remedy', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder()
    const run = config(folder, 'run')
    const first = await PatchTrainer.create(run)
    await train(first, 1)
    await first.dispose()
    const file = join(run.out!, 'products.json')
    for (const text of ['', '{', '[]', '{"library":3}', `{"library":"${'x'.repeat(1 << 20)}`, '\0\0\0\0']) {
      writeFileSync(file, text)
      const refused = PatchTrainer.resume(run.out!)
      await expect(refused).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_CORRUPT' })
      await expect(refused).rejects.toThrow('Delete it')
    }
    rmSync(file)
    await (await PatchTrainer.resume(run.out!)).dispose()
  })

  it('of another library is not taken over, and that is said', { timeout: 120_000 }, async () => {
    withLibrary(library)
    const folder = temporaryFolder()
    const run = config(folder, 'run')
    const first = await PatchTrainer.create(run)
    await train(first, 2)
    await first.dispose()
    withLibrary('none')
    const notes = await startNotes(await PatchTrainer.resume(run.out!))
    expect(notes.join('\n')).toMatch(/our own kernels/)
    expect(notes.length).toBeGreaterThan(1)
  })
})
