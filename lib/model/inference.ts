import type { ModelConfig } from '../config/types.js'
import type { Device, Plan, Region } from '../native/device.js'
import { Buffers, LayoutBuilder, type Layout } from '../tensor/layout.js'
import * as ops from '../tensor/ops.js'
import { readTensor, reshape, writeTensor, type Tensor } from '../tensor/tensor.js'
import { ropeTables } from './rope.js'
import type { FlatParameters } from './weights.js'

/** How the next token is drawn. */
export interface Sampling {
  /** 0 takes the most likely token; 1 draws from the model's own distribution. */
  readonly temperature: number
  /** Only the k most likely tokens; 0: all. */
  readonly topK: number
  /** Only the most likely tokens that together hold this probability; 1: all. */
  readonly topP: number
  readonly seed: number
}

/** Prompt tokens that are read in one pass. */
const prefillRows = 64

/**
 * Writes tokens one after the other with a cache of keys and values, always token by token (K = 1). The prompt is read
 * in chunks; what a chunk's unused rows leave in the cache is overwritten before it is ever attended.
 */
export class InferenceSession {
  readonly #device: Device
  readonly #model: ModelConfig
  readonly #context: number
  readonly #regions: Region[] = []
  readonly #cache: Buffers
  readonly #rope: Buffers
  readonly #scalars: Buffers
  readonly #prefill: Pass
  readonly #step: Pass
  readonly #ready: Promise<unknown>

  /**
   * @param context positions held at a time; beyond it the oldest half is forgotten
   */
  constructor(
    device: Device,
    model: ModelConfig,
    weights: FlatParameters,
    context: number,
    sampling: Sampling,
  ) {
    this.#device = device
    this.#model = model
    this.#context = context
    const capacity = context + prefillRows // a chunk's unused rows may stand past the last position
    this.#cache = this.#allocate(cacheLayout(device, model, capacity), 'key-value cache')
    const half = model.headDim / 2
    const ropeLayout = new LayoutBuilder(device.compute)
      .add('cos', 'f32', capacity, half)
      .add('sin', 'f32', capacity, half)
      .build()
    this.#rope = this.#allocate(ropeLayout, 'rotary tables')
    const scalars = new LayoutBuilder(device.compute)
      .add('position', 'i32', 1)
      .add('counter', 'i32', 1)
      .add('token', 'i32', 1)
    this.#scalars = this.#allocate(scalars.build(), 'scalars')
    this.#prefill = this.#record(weights, prefillRows)
    this.#step = this.#record(weights, 1, sampling)
    const tables = ropeTables(model, capacity)
    this.#ready = Promise.all([
      writeTensor(this.#rope.get('cos'), tables.cos),
      writeTensor(this.#rope.get('sin'), tables.sin),
    ])
    this.#ready.catch(() => undefined) // reported where it is awaited
  }

  /** Token ids that follow `prompt`, without end; stop asking to stop. */
  async *tokens(prompt: ArrayLike<number>): AsyncGenerator<number, void, void> {
    if (prompt.length === 0) throw new RangeError('a prompt needs at least one token')
    await this.#ready
    let history = Array.from(prompt).slice(-this.#context)
    let position = await this.#read(history)
    for (let counter = 0; ; counter++) {
      if (position === this.#context) {
        history = history.slice(-Math.ceil(this.#context / 2))
        position = await this.#read(history)
      }
      const token = await this.#next(history.at(-1)!, position++, counter)
      history.push(token)
      yield token
    }
  }

  dispose(): void {
    this.#prefill.plan.dispose()
    this.#step.plan.dispose()
    for (const region of this.#regions) region.dispose()
  }

  /** Puts all but the last of `tokens` into the cache; returns the position of the last. */
  async #read(tokens: readonly number[]): Promise<number> {
    const count = tokens.length - 1
    for (let first = 0; first < count; first += prefillRows) {
      const ids = new Int32Array(prefillRows)
      ids.set(tokens.slice(first, Math.min(count, first + prefillRows)))
      await Promise.all([
        writeTensor(this.#scalars.get('position'), Int32Array.of(first)),
        writeTensor(this.#prefill.ids, ids),
        this.#prefill.plan.run(),
      ])
    }
    return count
  }

  async #next(token: number, position: number, counter: number): Promise<number> {
    const [, , , , drawn] = await Promise.all([
      writeTensor(this.#scalars.get('position'), Int32Array.of(position)),
      writeTensor(this.#scalars.get('counter'), Int32Array.of(counter)),
      writeTensor(this.#step.ids, Int32Array.of(token)),
      this.#step.plan.run(),
      readTensor({ ...this.#scalars.get('token'), dtype: 'i32' }),
    ])
    return drawn[0]!
  }

  #allocate(layout: Layout, label: string): Buffers {
    const buffers = Buffers.allocate(this.#device, layout, label)
    this.#regions.push(buffers.region)
    return buffers
  }

  /** `rows` tokens at `position` and after; with `sampling`, also the head and the draw (one row only). */
  #record(weights: FlatParameters, rows: number, sampling?: Sampling): Pass {
    const model = this.#model
    const buffers = this.#allocate(
      passLayout(this.#device, model, rows, sampling !== undefined),
      'inference buffers',
    )
    const get = (name: string) => buffers.get(name)
    const plan = this.#device.createPlan(sampling ? 'next token' : 'read prompt')
    const position = this.#scalars.get('position')
    const epsilon = model.normEpsilon
    const heads = { heads: model.heads, kvHeads: model.kvHeads, headDim: model.headDim }
    const rotary = { cos: this.#rope.get('cos'), sin: this.#rope.get('sin'), position }

    ops.patchEmbedding(
      plan,
      { ids: get('ids'), table: weights.get('embedding'), y: get('stream') },
      { patch: 1 },
    )
    for (let l = 0; l < model.layers; l++) {
      const weight = (name: string) => weights.get(`layers.${l}.${name}`)
      const cache = this.#cache.get(`layers.${l}`)
      const norm1 = { weight: weight('attention.norm'), y: get('normed'), rstd: get('rstd') }
      if (l === 0) ops.rmsNorm(plan, { x: get('stream'), ...norm1 }, { epsilon })
      else
        ops.rmsNorm(
          plan,
          { x: get('middle'), delta: get('branch'), sum: get('stream'), ...norm1 },
          { epsilon },
        )
      ops.gemm(plan, { a: get('normed'), b: weight('attention.qkv'), c: get('qkv') }, { transB: true })
      ops.rope(
        plan,
        { x: get('qkv'), ...rotary },
        { heads: model.heads + model.kvHeads, headDim: model.headDim, positions: rows },
      )
      ops.kvAppend(plan, { qkv: get('qkv'), cache, position }, heads)
      ops.cachedAttention(plan, { qkv: get('qkv'), cache, y: get('attended'), position }, heads)
      ops.gemm(plan, { a: get('attended'), b: weight('attention.out'), c: get('branch') }, { transB: true })
      const norm2 = { weight: weight('feedForward.norm'), y: get('normed'), rstd: get('rstd') }
      ops.rmsNorm(plan, { x: get('stream'), delta: get('branch'), sum: get('middle'), ...norm2 }, { epsilon })
      ops.gemm(
        plan,
        { a: get('normed'), b: weight('feedForward.gateUp'), c: get('gateUp') },
        { transB: true },
      )
      ops.swiglu(plan, { gateUp: get('gateUp'), y: get('gated') })
      ops.gemm(plan, { a: get('gated'), b: weight('feedForward.down'), c: get('branch') }, { transB: true })
    }
    if (sampling) {
      const norm = { weight: weights.get('norm'), y: get('normed'), rstd: get('rstd') }
      ops.rmsNorm(plan, { x: get('middle'), delta: get('branch'), sum: get('stream'), ...norm }, { epsilon })
      const head = weights.get(model.tiedHead ? 'embedding' : 'head')
      ops.gemm(plan, { a: get('normed'), b: head, c: get('logits') }, { transB: true })
      ops.sample(
        plan,
        {
          logits: reshape(get('logits'), model.vocabSize),
          token: this.#scalars.get('token'),
          counter: this.#scalars.get('counter'),
        },
        sampling,
      )
    }
    return { ids: get('ids'), plan }
  }
}

interface Pass {
  /** [1, rows] */
  readonly ids: Tensor
  readonly plan: Plan
}

function cacheLayout({ compute }: Device, model: ModelConfig, capacity: number): Layout {
  const layout = new LayoutBuilder(compute)
  for (let l = 0; l < model.layers; l++)
    layout.add(`layers.${l}`, 'compute', 2, capacity, model.kvHeads * model.headDim)
  return layout.build()
}

function passLayout({ compute }: Device, model: ModelConfig, rows: number, head: boolean): Layout {
  const { width: C, feedForward: F, heads: H, kvHeads: G, headDim: D, vocabSize: V } = model
  const layout = new LayoutBuilder(compute)
    .add('ids', 'i32', 1, rows)
    .add('stream', 'compute', rows, C)
    .add('middle', 'compute', rows, C)
    .add('branch', 'compute', rows, C)
    .add('normed', 'compute', rows, C)
    .add('rstd', 'f32', rows)
    .add('qkv', 'compute', rows, (H + 2 * G) * D)
    .add('attended', 'compute', rows, H * D)
    .add('gateUp', 'compute', rows, 2 * F)
    .add('gated', 'compute', rows, F)
  return (head ? layout.add('logits', 'compute', rows, V) : layout).build()
}
