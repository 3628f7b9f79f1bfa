// How a CUDA device is chosen, and what is said when it cannot be had, runs out of memory, or goes away.
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { cudaChecks } from '../../lib/cli/doctor/cuda.js'
import { Device } from '../../lib/native/device.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import { kernelsMissing } from '../helpers/run-kernel.js'
import { runTiny, temporaryFolder, tinyConfig, train } from '../helpers/tiny-run.js'

const create = (device: string) => () => Device.create({ device }).dispose()

describe('choosing a device', () => {
  it('refuses what is no device', () => {
    for (const device of ['gpu', 'cuda:', 'cuda:x', 'auto:1', 'cpu:0', ''])
      expect(create(device), device).toThrow(
        `There is no device '${device}'. Use 'auto', 'cpu', 'cuda' or 'cuda:1'`,
      )
  })

  it('auto says why it took what it took', () => {
    const reasonWith = (host: string) => {
      vi.stubEnv('PATCHTRAIN_DEVICE', host)
      const device = Device.create({ device: 'auto' })
      device.dispose()
      vi.unstubAllEnvs()
      return device.reason
    }
    expect(reasonWith('')).toMatch(/^auto chose the (CPU: .+|GPU.*)$/)
    expect(reasonWith('cpu')).toBe('auto took what PATCHTRAIN_DEVICE names: cpu')
    if (!kernelsMissing) expect(() => reasonWith('cuda-emu:capability=7.5')).toThrow('was asked for, but')
    expect(() => reasonWith('gpu')).toThrow("There is no device 'gpu'")
    vi.unstubAllEnvs()
    const cpu = Device.create({ device: 'cpu' })
    expect(cpu.reason).toBe('')
    expect(cpu.compute).toBe('f32')
    cpu.dispose()
  })
})

describe.skipIf(kernelsMissing)('a CUDA device', () => {
  it('says what it is and where its products come from', () => {
    const device = Device.create({ device: 'cuda-emu' })
    expect(device.describe()).toMatch(/^cuda-emu \(.+, bf16\)$/)
    expect(device.notes().join()).toMatch(/products/)
    expect(device.memory().total).toBeGreaterThan(0)
    device.dispose()
  })

  it.each([
    ['devices=0', 'the NVIDIA driver finds no GPU'],
    ['driver=11040', 'the NVIDIA driver supports CUDA 11.4, but this build needs'],
    ['driver=0', 'no NVIDIA driver was found'],
    ['capability=7.5', 'has compute capability 7.5; the kernels need 8.0'],
    ['capability=7.5,devices=2', 'capability 7.5; the kernels need 8.0'],
    ['nonsense=1', 'nonsense'],
  ])('is refused, never replaced by the CPU, with %s', (options, reason) => {
    expect(create(`cuda-emu:${options}`)).toThrow(reason)
  })

  it('lets the doctor explain each absence', () => {
    const found = { driverVersion: 13000, runtimeVersion: 13000, devices: [], problem: '', products: '' }
    const statuses = (probe: Partial<typeof found>, hasGpu: boolean) =>
      cudaChecks({ ...found, ...probe }, hasGpu).map(({ status }) => status)
    expect(statuses({ driverVersion: 0, problem: 'no NVIDIA driver was found' }, false)).toEqual(['ok'])
    expect(statuses({ driverVersion: 11040, problem: 'the driver is too old' }, true)).toEqual(['warn'])
    const [old] = cudaChecks({ ...found, driverVersion: 11040, problem: 'too old' }, true)
    expect(old?.remedy).toContain('Install a newer NVIDIA driver')
    const products = (text: string) => cudaChecks({ ...found, products: text }, true).at(-1)
    expect(products('products by cuBLASLt 13.1')).toMatchObject({ status: 'ok' })
    expect(products('products by our own kernels')).toMatchObject({ status: 'warn' })
  })

  it('that is too small is an error with the memory table and what would fit', async () => {
    const folder = temporaryFolder()
    const model = { width: 64, feedForward: 96, layers: 2, heads: 2, kvHeads: 1, headDim: 32 }
    const schedule = {
      totalSteps: 4,
      batchTokens: 16384,
      context: 32,
      patchSize: 4,
      microBatchSequences: 128,
    }
    const wanted = { ...tinyConfig(folder), model, schedule, device: 'cuda-emu:memory=8000000' }
    const refused = PatchTrainer.create(wanted)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_OUT_OF_MEMORY' })
    await expect(refused).rejects.toThrow(
      /activations +[\d.]+ MiB\n[^]*What would fit: schedule.microBatchSequences \d+/,
    )
    const smaller = Number(
      /microBatchSequences (\d+)/.exec(await refused.then(String, (error: Error) => error.message))![1],
    )
    const fitting = await PatchTrainer.create({
      ...wanted,
      schedule: { ...schedule, microBatchSequences: smaller },
    })
    await fitting.dispose()
  })

  it(
    'that goes away in the middle of a run ends it with an error; the last checkpoint is whole',
    { timeout: 120_000 },
    async () => {
      const folder = temporaryFolder()
      const model = { width: 64, feedForward: 96, layers: 1, heads: 2, kvHeads: 1, headDim: 32 }
      const schedule = { totalSteps: 4, batchTokens: 256, context: 16, patchSize: 4, microBatchSequences: 1 }
      const config = tinyConfig(folder, {
        model,
        schedule,
        checkpoint: { everySteps: 1 },
        sample: { tokens: 0 },
      })
      const failing = { ...config, device: 'cuda-emu:fail_launch=300', out: join(folder, 'failing') }
      await expect(runTiny(failing)).rejects.toThrow(
        /^cuda-emu failed and is lost to this process: .*patchtrain resume/,
      )

      const resumed = await PatchTrainer.resume(failing.out, {
        allow: ['config.device'],
        device: 'cuda-emu',
      })
      expect(resumed.step).toBeGreaterThan(0)
      const events = await train(resumed)
      expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'done' })
      await resumed.dispose()
    },
  )
})
