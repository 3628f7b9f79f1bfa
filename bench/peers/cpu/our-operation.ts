import type { TensorArgument } from '../../../lib/native/addon.js'
import { Device, type Plan } from '../../../lib/native/device.js'
import { bytesOf, readTensor, sizeOf, tensor, writeTensor, type Tensor } from '../../../lib/tensor/tensor.js'
import { integers, normals } from '../../../test/helpers/random-data.js'
import type { Prepared } from './prepared.js'
import type { Task } from './protocol.js'
import { writeTensorFile, type NamedTensor } from './tensor-file.js'

/** One operation, as a plan. Writes its inputs for the others; its value is the norm of what the first run computes. */
export async function prepareOperation(task: Task): Promise<Prepared> {
  const device = Device.create({ device: 'cpu', threads: task.threads })
  const bench = new Workbench(device)
  const results = await works[task.work]!(bench, task)
  writeTensorFile(task.inputs, bench.inputs)
  await bench.plan.run()
  const value = await results()
  return {
    run: () => bench.plan.run().then(() => null),
    values: [value],
    versions: { level: device.level },
  }
}

/** Tensors by name, and a plan over them. */
class Workbench {
  readonly plan: Plan
  /** What the others read. */
  readonly inputs: NamedTensor[] = []
  readonly #tensors = new Map<string, Tensor>()

  constructor(readonly device: Device) {
    this.plan = device.createPlan('operation')
  }

  /** Random numbers that the others get too. */
  normal(name: string, shape: number[], scale = 1): Promise<Float32Array> {
    const data = normals(sizeOf(shape), this.#tensors.size + 1, scale)
    this.inputs.push({ name, shape, data })
    return this.own(name, 'f32', shape, data).then(() => data)
  }

  /** Values, or zeros, that are ours alone. */
  async own(
    name: string,
    dtype: 'f32' | 'f64' | 'i32',
    shape: number[],
    data?: NodeJS.TypedArray,
  ): Promise<void> {
    const placed = tensor(this.device.allocate(bytesOf({ dtype, shape }), name), 0, dtype, shape)
    this.#tensors.set(name, placed)
    if (data) await writeTensor(placed, data)
  }

  /** Appends an op; `bind` says which tensor stands for each of its operands. */
  record(op: string, bind: Record<string, string>, params: Record<string, number>): void {
    this.#recordInto(this.plan, op, bind, params)
  }

  /** Runs an op now, outside of the plan. */
  async once(op: string, bind: Record<string, string>, params: Record<string, number>): Promise<void> {
    const plan = this.device.createPlan(op)
    this.#recordInto(plan, op, bind, params)
    await plan.run()
    plan.dispose()
  }

  #recordInto(plan: Plan, op: string, bind: Record<string, string>, params: Record<string, number>): void {
    const place = ([slot, name]: [string, string]): [string, TensorArgument] => {
      const { region, offset, dtype, shape } = this.#tensors.get(name)!
      return [slot, { region: region.id, offset, dtype, shape }]
    }
    plan.record(op, Object.fromEntries(Object.entries(bind).map(place)), params)
  }

  read(name: string): Promise<Float32Array> {
    return readTensor({ ...this.#tensors.get(name)!, dtype: 'f32' })
  }
}

/** Records a task; gives what reads the norm of its results. */
type Work = (bench: Workbench, task: Task) => Promise<() => Promise<number>>

const works: Record<string, Work> = {
  async attention(bench, { dims }) {
    const { params, qkv, y, lse } = attentionShapes(dims)
    await bench.normal('qkv', qkv)
    await bench.own('y', 'f32', y)
    await bench.own('lse', 'f32', lse)
    bench.record('attention', { qkv: 'qkv', y: 'y', lse: 'lse' }, params)
    return async () => norm(await bench.read('y'))
  },

  async attention_backward(bench, { dims }) {
    const { params, qkv, y, lse } = attentionShapes(dims)
    await bench.normal('qkv', qkv)
    await bench.normal('dy', y)
    await bench.own('y', 'f32', y)
    await bench.own('lse', 'f32', lse)
    await bench.own('dqkv', 'f32', qkv)
    await bench.once('attention', { qkv: 'qkv', y: 'y', lse: 'lse' }, params)
    bench.record('attention_backward', { qkv: 'qkv', y: 'y', dy: 'dy', lse: 'lse', dqkv: 'dqkv' }, params)
    return async () => norm(await bench.read('dqkv'))
  },

  async product(bench, { dims }) {
    const { m, n, k, transA, transB } = dims as Record<'m' | 'n' | 'k' | 'transA' | 'transB', number>
    await bench.normal('a', transA ? [k, m] : [m, k])
    await bench.normal('b', transB ? [n, k] : [k, n])
    await bench.own('c', 'f32', [m, n])
    bench.record('gemm', { a: 'a', b: 'b', c: 'c' }, { trans_a: transA, trans_b: transB, accumulate: 0 })
    return async () => norm(await bench.read('c'))
  },

  // In place: further runs see gradients for logits, which take as long.
  async cross_entropy(bench, { dims }) {
    const { R, V } = dims as Record<'R' | 'V', number>
    await bench.normal('logits', [R, V])
    const ids = integers(R, V, 1)
    bench.inputs.push({ name: 'ids', shape: [1, R], data: ids })
    await bench.own('ids', 'i32', [1, R], ids)
    await bench.own('loss', 'f64', [R])
    await bench.own('scale', 'f64', [1], Float64Array.of(1 / (R - 1))) // the last position predicts nothing
    bench.record(
      'cross_entropy',
      { logits: 'logits', ids: 'ids', loss: 'loss', scale: 'scale' },
      { first_row: 0, positions: R, patch: 1, gradient: 1 },
    )
    return async () => norm(await bench.read('logits'))
  },

  async adamw(bench, { dims, optimizer }) {
    const n = [dims['n']!]
    const before = await bench.normal('weight', n)
    await bench.normal('gradient', n, 0.01)
    await bench.own('m', 'f32', n)
    await bench.own('v', 'f32', n)
    const { learningRate, betas, epsilon, weightDecay, gradientClip } = optimizer!
    const [beta1, beta2] = betas
    await bench.own('step', 'f64', [3], Float64Array.of(learningRate, 1 - beta1, 1 - beta2))
    await bench.own('clip', 'f64', [3])
    bench.record('grad_norm', { gradient: 'gradient', result: 'clip' }, { max_norm: gradientClip })
    const state = { weight: 'weight', gradient: 'gradient', m: 'm', v: 'v', step: 'step', clip: 'clip' }
    bench.record('adamw', state, { beta1, beta2, eps: epsilon, weight_decay: weightDecay })
    return async () => norm((await bench.read('weight')).map((x, i) => x - before[i]!))
  },
}

function attentionShapes(dims: Task['dims']) {
  const { B, T, H, D } = dims as Record<'B' | 'T' | 'H' | 'D', number>
  return {
    params: { heads: H, kv_heads: H, head_dim: D, positions: T },
    qkv: [B * T, 3 * H * D],
    y: [B * T, H * D],
    lse: [B * H, T],
  }
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))
}
