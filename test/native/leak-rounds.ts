// Makes, uses and disposes of things again and again, and prints the resident memory after each round, bytes, as JSON.
// usage: node --expose-gc leak-rounds.js trainer|device ROUNDS FOLDER
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Device } from '../../lib/native/device.js'
import { PatchTrainer } from '../../lib/train/trainer.js'

/** The smallest run there is: a step in patches, a step token by token, and all that stands around them. */
async function trainerRound(folder: string): Promise<void> {
  const trainer = await PatchTrainer.create(
    {
      name: 'leak',
      model: { width: 16, feedForward: 24, layers: 1, heads: 1, headDim: 16 },
      data: { train: join(folder, 'text.txt'), cache: join(folder, 'tokens'), validationFraction: 0.1 },
      schedule: { totalSteps: 2, batchTokens: 64, context: 8, patchSize: 4, patchFraction: 0.5 },
      optimizer: { warmupSteps: 0 },
      evaluation: { everySteps: 0, maxTokens: 64 },
      checkpoint: { everySteps: 0 },
      device: 'cpu',
      threads: 2,
      out: join(folder, 'run'),
    },
    { existing: 'replace' },
  )
  try {
    const controller = new AbortController()
    for await (const event of trainer.train({ signal: controller.signal })) {
      if (event.type === 'step' && event.step === 1) controller.abort()
    }
  } finally {
    await trainer.dispose()
  }
}

async function deviceRound(): Promise<void> {
  const device = Device.create({ device: 'cpu', threads: 2 })
  const region = device.allocate(1 << 16, 'leak')
  const plan = device.createPlan('leak')
  const y = { region: region.id, offset: 0, dtype: 'f32' as const, shape: [64, 64] }
  plan.record('fill_normal', { y }, { seed_low: 1, seed_high: 2, stream: 3, std: 1 })
  await plan.run()
  await region.read(0, 4096)
  device.dispose()
}

const [kind, rounds, folder] = process.argv.slice(2) as [string, string, string]
const round = kind === 'trainer' ? trainerRound : deviceRound
writeFileSync(join(folder, 'text.txt'), 'What is in it does not matter here. '.repeat(100))
const resident: number[] = []
for (let i = 0; i < Number(rounds); i++) {
  await round(folder)
  if (i % 5 === 0) globalThis.gc!()
  resident.push(process.memoryUsage.rss())
}
console.log(JSON.stringify(resident))
