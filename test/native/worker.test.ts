import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { loadAddon } from '../../lib/native/load.js'

/** Workers that make devices, read, and queue long runs; each is terminated in the middle of it. */
const script = (path: string, mode: string) => `
const { Worker, isMainThread } = require('node:worker_threads')
const module_ = { exports: {} }
process.dlopen(module_, ${JSON.stringify(path)})
const { Device } = module_.exports
const options = { kind: 'cpu', folder: ${JSON.stringify(dirname(path))}, level: '', threads: 1 }
async function work() {
  if (${JSON.stringify(mode)} === 'create') for (;;) new Device(options).dispose()
  const device = new Device(options)
  const region = device.allocate(1 << 22)
  const plan = device.createPlan('fill')
  device.record(plan, 'fill', { y: { region, offset: 0, dtype: 'f32', shape: [1 << 20] } }, { value: 1 })
  for (;;) await (${JSON.stringify(mode)} === 'read' ? device.read(region, 0, 4096) : device.run(plan))
}
async function main() {
  for (let round = 0; round < 4; round++) {
    const workers = [0, 1, 2].map(() => new Worker(process.env.SCRIPT, { eval: true }).on('error', () => {}))
    await new Promise((resolve) => setTimeout(resolve, 60 + 30 * round))
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  console.log('survived')
}
isMainThread ? main() : work()
`

it.each(['create', 'read', 'run'])('a worker that is terminated while it must %s does not take the process along', (mode) => {
  const source = script(loadAddon().path, mode)
  const child = spawnSync(process.execPath, ['-e', source], {
    env: { ...process.env, SCRIPT: source },
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect(child).toMatchObject({ signal: null, status: 0, stdout: 'survived\n' })
})
