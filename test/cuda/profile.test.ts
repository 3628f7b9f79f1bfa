import { describe, expect, it, onTestFinished } from 'vitest'
import { Device } from '../../lib/native/device.js'
import { fill } from '../../lib/tensor/ops.js'
import { tensor } from '../../lib/tensor/tensor.js'
import { profileRun } from '../../lib/train/profile.js'
import { kernelsMissing } from '../helpers/run-kernel.js'
import { temporaryFolder, tinyConfig } from '../helpers/tiny-run.js'

const options = { stage: 'patch', steps: 2 }
const config = () =>
  tinyConfig(temporaryFolder(), {
    model: { width: 64, feedForward: 96, layers: 1, heads: 1, headDim: 64 },
    device: 'cuda-emu:memory=4000000',
  })

describe.skipIf(kernelsMissing)('a profile on CUDA', () => {
  it('measures steps as graphs, and their ops one by one in further steps', async () => {
    const { stages } = await profileRun(config(), options)
    expect(stages[0]!.opsApart).toBe(true)
    expect(stages[0]!.seconds.median).toBeGreaterThan(0)
    expect(stages[0]!.ops.every((op) => op.seconds > 0)).toBe(true)
  })

  it('times ops only while it is asked to', async () => {
    const device = Device.create({ device: 'cuda-emu' })
    onTestFinished(() => device.dispose())
    const region = device.allocate(4 * 64, 'numbers')
    const plan = device.createPlan('two fills')
    for (const value of [1, 2]) fill(plan, tensor(region, 0, 'f32', [64]), value)
    const runs = () => plan.describe().entries.map((entry) => entry.runs)
    for (let run = 0; run < 3; run++) await plan.run() // launched, captured, replayed
    expect(runs()).toEqual([0, 0])
    await device.timeOps(true)
    await Promise.all([plan.run(), plan.run()])
    expect(runs()).toEqual([2, 2])
    expect(plan.describe().entries.every(({ nanoseconds }) => nanoseconds > 0)).toBe(true)
    await device.timeOps(false)
    await plan.run()
    expect(runs()).toEqual([2, 2])
  })
})
