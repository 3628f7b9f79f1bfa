// Training on the device against the same training on the CPU, and what surrounds it: resume, generation, lack of memory.
import { Device } from '../../lib/native/device.js'
import { fill } from '../../lib/tensor/ops.js'
import { readTensor, tensor } from '../../lib/tensor/tensor.js'
import { PatchTrainer } from '../../lib/train/trainer.js'
import type { Lines } from './lines.js'
import { inFolder, tinyRun, train, trainTwiceFrom, type TinySize } from './tiny-run.js'

/**
 * How far a loss on the device (bf16 weights and activations) may be from the CPU's (fp32), relative: at any one step the
 * rounding of one bf16 operation, on the average of all steps a quarter of that, because roundings go both ways.
 */
const mostAtAStep = 2 ** -7
const mostOnAverage = 2 ** -9

export async function checkTraining(device: string, size: TinySize, lines: Lines): Promise<void> {
  await lines.guard('losses against the CPU', () => againstCpu(device, size, lines))
  await lines.guard('resume', () => resumes(device, size, lines))
  await lines.guard('generate', () => generates(device, size, lines))
  await lines.guard('lack of memory', () => survivesLackOfMemory(device, size, lines))
}

async function againstCpu(device: string, size: TinySize, lines: Lines): Promise<void> {
  const began = performance.now()
  const [ours, cpu] = [await train(tinyRun(device, size)), await train(tinyRun('cpu', size))]
  const differences = ours.losses.map((loss, i) => Math.abs(loss - cpu.losses[i]!) / cpu.losses[i]!)
  const largest = Math.max(...differences)
  const mean = differences.reduce((sum, x) => sum + x, 0) / differences.length
  const within = largest <= mostAtAStep && mean <= mostOnAverage // false for NaN
  lines.add({
    name: 'losses against the CPU',
    ok: within && ours.losses.length === size.steps && ours.losses.at(-1)! < ours.losses[0]!,
    ms: performance.now() - began,
    ...size,
    largest_difference: largest,
    allowed_largest: mostAtAStep,
    mean_difference: mean,
    allowed_mean: mostOnAverage,
    first_loss: ours.losses[0],
    last_loss: ours.losses.at(-1),
    losses: ours.losses.map((loss) => loss.toFixed(4)).join(' '),
    cpu_losses: cpu.losses.map((loss) => loss.toFixed(4)).join(' '),
  })
}

async function resumes(device: string, size: TinySize, lines: Lines): Promise<void> {
  const began = performance.now()
  const [whole, resumed] = await trainTwiceFrom(tinyRun(device, size), Math.floor(size.steps / 3))
  const same = JSON.stringify(whole) === JSON.stringify(resumed) && whole.losses.length > 0
  const ms = performance.now() - began
  lines.add({
    name: 'resume',
    ok: same,
    ms,
    ...(!same && { error: 'a resumed run differs from an unbroken one' }),
  })
}

async function generates(device: string, size: TinySize, lines: Lines): Promise<void> {
  const began = performance.now()
  const text = await inFolder(async (folder) => {
    const config = tinyRun(device, size)
    const trainer = await PatchTrainer.create({
      ...config,
      out: `${folder}/run`,
      data: { ...config.data, cache: `${folder}/tokens` },
    })
    try {
      let all = ''
      for await (const piece of trainer.generate('ROMEO:', { maxTokens: 16 })) all += piece
      return all
    } finally {
      await trainer.dispose()
    }
  })
  lines.add({
    name: 'generate',
    ok: text.length > 0,
    ms: performance.now() - began,
    text: JSON.stringify(text),
  })
}

/** A model far beyond any device: the error must say what would help, and the device must go on working. */
async function survivesLackOfMemory(device: string, size: TinySize, lines: Lines): Promise<void> {
  const began = performance.now()
  const huge = { width: 16_384, feedForward: 45_056, layers: 64, heads: 128, headDim: 128 }
  const error = await train(tinyRun(device, size, { model: huge })).then(
    () => undefined,
    (reason: unknown) => reason as { code?: string; message: string },
  )
  const sevens = await sevensOf(device)
  lines.add({
    name: 'lack of memory',
    ok: error?.code === 'ERR_OUT_OF_MEMORY' && sevens.every((x) => x === 7),
    ms: performance.now() - began,
    said: error?.message.split('\n').at(-1) ?? 'no error at all',
  })
}

async function sevensOf(name: string): Promise<number[]> {
  const device = Device.create({ device: name })
  try {
    const target = tensor(device.allocate(64, 'sevens'), 0, 'f32', [16])
    const plan = device.createPlan('sevens')
    fill(plan, target, 7)
    await plan.run()
    return Array.from(await readTensor({ ...target, dtype: 'f32' }))
  } finally {
    device.dispose()
  }
}
