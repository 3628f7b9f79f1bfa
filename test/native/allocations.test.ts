import { execFileSync, spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { loadAddon } from '../../lib/native/load.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Runs a plan of `layers` times the ops of a small layer, `runs` times over. */
const script = (path: string, layers: number, runs: number) => `
const module_ = { exports: {} }
process.dlopen(module_, ${JSON.stringify(path)})
const { Device } = module_.exports
const device = new Device({ kind: 'cpu', folder: ${JSON.stringify(dirname(path))}, level: '', threads: 2 })
const [R, C] = [256, 128]
const f32 = (...shape) => ({ region: device.allocate(4 * shape.reduce((a, b) => a * b)), offset: 0, dtype: 'f32', shape })
const [x, normed, weight, rstd] = [f32(R, C), f32(R, C), f32(C), f32(R)]
const [matrix, qkv, y, lse, gated] = [f32(3 * C, C), f32(R, 3 * C), f32(R, C), f32(8, 128), f32(R, 3 * C / 2)]
const dqkv = f32(R, 3 * C)
const heads = { heads: 4, kv_heads: 4, head_dim: 32, positions: 128 }
const plan = device.createPlan('layers')
for (let l = 0; l < ${layers}; l++) {
  device.record(plan, 'rms_norm', { x, weight, y: normed, rstd }, { eps: 1e-5 })
  device.record(plan, 'gemm', { a: normed, b: matrix, c: qkv }, { trans_a: 0, trans_b: 1, accumulate: 0 })
  device.record(plan, 'attention', { qkv, y, lse }, heads)
  device.record(plan, 'attention_backward', { qkv, y, dy: normed, lse, dqkv }, heads)
  device.record(plan, 'swiglu', { gate_up: qkv, y: gated }, {})
}
async function main() {
  for (let i = 0; i < ${runs}; i++) await device.run(plan)
  console.log('done')
}
main()
`

test('an op allocates nothing: a plan of a hundred asks for as much memory as a plan of five', () => {
  const folder = temporaryFolder()
  const counter = join(folder, 'count-allocations.so')
  const source = fileURLToPath(new URL('count-allocations.c', import.meta.url))
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', counter, source, '-ldl'])
  const allocations = (layers: number) => {
    const child = spawnSync(process.execPath, ['-e', script(loadAddon().path, layers, 20)], {
      env: { ...process.env, LD_PRELOAD: counter },
      encoding: 'utf8',
    })
    expect(child).toMatchObject({ status: 0, stdout: 'done\n' })
    return Number(/^allocations: (\d+)$/m.exec(child.stderr)![1])
  }
  expect(allocations(20)).toBe(allocations(1))
})
