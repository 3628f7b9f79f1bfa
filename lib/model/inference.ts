import type { ModelConfig } from '../config/types.js'
import type { Device, Plan, Region } from '../native/device.js'
import { Buffers, LayoutBuilder, type Layout } from '../tensor/layout.js'
import { readTensor, tensor, writeTensor, type Tensor } from '../tensor/tensor.js'
import {
  passLayout,
  recordRead,
  recordStep,
  type PassContext,
  type Sampling,
  type SequenceState,
} from './inference-pass.js'
import { ropeTables } from './rope.js'
import type { FlatParameters } from './weights.js'

export type { Sampling } from './inference-pass.js'

/** Tokens that are read on from a position in one pass. */
const readOnRows = 64
/** A prompt is read in one pass of as many rows as it needs, in steps; what is longer goes on in passes as above. */
const [promptRowStep, mostPromptRows] = [32, 1024]

/** One text that is being written. */
interface Slot extends SequenceState {
  sampling: Sampling
  /** Of the text now in the slot, {@link table} where it has a penalty. */
  seen: Tensor | undefined
  table: Tensor | undefined
  /** Tokens whose keys and values the cache holds, in order. */
  cached: number[]
  /** The token after them, which the next step reads. */
  pending: number
  /** Tokens drawn since the text was started. */
  drawn: number
}

interface Pass {
  /** [1, rows] */
  readonly ids: Tensor
  readonly plan: Plan
  readonly buffers: Buffers
}

/**
 * Writes tokens with caches of keys and values: several texts at a time, each in a slot of its own. A text that is
 * started where another one stood is read from where the two differ. What unused rows of a pass leave in a cache is
 * overwritten before it is ever attended.
 */
export class InferenceSession {
  readonly #device: Device
  readonly #context: number
  readonly #capacity: number
  readonly #pass: PassContext
  readonly #slots: (Slot | undefined)[]
  readonly #regions: Region[] = []
  readonly #ready: Promise<unknown>
  /** The last of each kind: the next text may be read, and the next step taken, with it again. */
  readonly #reads = new Map<string, Pass & { readonly slot: number; readonly rows: number }>()
  #step: (Pass & { readonly slots: readonly number[]; readonly samplings: readonly Sampling[] }) | undefined

  /**
   * @param context positions held at a time; beyond it the oldest half of a text is forgotten
   * @param slots texts at a time
   */
  constructor(device: Device, model: ModelConfig, weights: FlatParameters, context: number, slots = 1) {
    this.#device = device
    this.#context = context
    // The unused rows of a pass may stand past the last position.
    this.#capacity = roundUp(context, promptRowStep) + readOnRows
    this.#slots = new Array<Slot | undefined>(slots).fill(undefined)
    const half = model.headDim / 2
    const tables = new LayoutBuilder(device.compute)
      .add('cos', 'f32', this.#capacity, half)
      .add('sin', 'f32', this.#capacity, half)
    const rope = this.#allocate(tables.build(), 'rotary tables')
    this.#pass = { device, model, weights, cos: rope.get('cos'), sin: rope.get('sin') }
    const { cos, sin } = ropeTables(model, this.#capacity)
    this.#ready = Promise.all([writeTensor(this.#pass.cos, cos), writeTensor(this.#pass.sin, sin)])
    this.#ready.catch(() => undefined) // reported where it is awaited
  }

  /**
   * Puts a text into a slot: all of it is read but its last token, which the first step reads.
   * @param reuse keep what the slot holds of this text already; the sums are then in another order than from the start
   */
  async start(index: number, tokens: ArrayLike<number>, sampling: Sampling, reuse = false): Promise<void> {
    if (tokens.length === 0) throw new RangeError('a text needs at least one token')
    await this.#ready
    const text = Array.from(tokens)
    const slot = (this.#slots[index] ??= this.#allocateSlot(sampling))
    slot.sampling = sampling
    slot.drawn = 0
    await this.#markSeen(slot, text)
    await this.#read(index, text.slice(-this.#context), reuse)
  }

  /** The next token of each of these slots, which must be started. */
  async next(indexes: readonly number[]): Promise<number[]> {
    const slots = indexes.map((index) => this.#started(index))
    for (const [i, { cached, pending }] of slots.entries())
      if (cached.length === this.#context)
        await this.#read(indexes[i]!, [...cached, pending].slice(-Math.ceil(this.#context / 2)), false)
    const step = this.#stepOf(indexes, slots)
    const writes = slots.flatMap((slot) => [
      writeTensor(slot.position, Int32Array.of(slot.cached.length)),
      writeTensor(slot.counter, Int32Array.of(slot.drawn)),
    ])
    const ids = Int32Array.from(slots, ({ pending }) => pending)
    const reads = [writeTensor(step.ids, ids), step.plan.run()] as const
    const drawn = slots.map(({ token }) => readTensor({ ...token, dtype: 'i32' as const }))
    await Promise.all([...writes, ...reads, ...drawn])
    return Promise.all(
      slots.map(async (slot, i) => {
        const token = (await drawn[i]!)[0]!
        slot.cached.push(slot.pending)
        slot.pending = token
        slot.drawn++
        if (slot.seen) await markToken(slot.seen, token)
        return token
      }),
    )
  }

  dispose(): void {
    for (const { plan } of this.#reads.values()) plan.dispose()
    this.#step?.plan.dispose()
    for (const region of this.#regions) region.dispose()
  }

  /** Makes the cache of a slot hold all but the last of `tokens`. */
  async #read(index: number, tokens: readonly number[], reuse: boolean): Promise<void> {
    const slot = this.#started(index)
    const count = tokens.length - 1
    let first = 0
    if (reuse) while (first < count && slot.cached[first] === tokens[first]) first++
    slot.cached.length = first
    while (first < count) {
      const fromStart = first === 0
      const rows = fromStart ? this.#promptRows(count) : readOnRows
      const part = tokens.slice(first, Math.min(count, first + rows))
      const pass = this.#readOf(index, rows, fromStart)
      const ids = new Int32Array(rows)
      ids.set(part)
      await Promise.all([
        writeTensor(slot.position, Int32Array.of(first)),
        writeTensor(pass.ids, ids),
        pass.plan.run(),
      ])
      slot.cached.push(...part)
      first += part.length
    }
    slot.pending = tokens[count]!
  }

  #promptRows(count: number): number {
    return Math.min(roundUp(count, promptRowStep), roundUp(this.#context, promptRowStep), mostPromptRows)
  }

  #readOf(slot: number, rows: number, fromStart: boolean): Pass {
    const kind = fromStart ? 'prompt' : 'on'
    const last = this.#reads.get(kind)
    if (last?.slot === slot && last.rows === rows) return last
    last?.plan.dispose()
    const buffers = this.#buffersFor(last, rows, false)
    const plan = recordRead(this.#pass, buffers, rows, this.#started(slot), fromStart)
    const pass = { ids: buffers.get('ids'), plan, buffers, slot, rows }
    this.#reads.set(kind, pass)
    return pass
  }

  #stepOf(indexes: readonly number[], slots: readonly Slot[]): Pass {
    const last = this.#step
    const same =
      last?.slots.length === slots.length &&
      slots.every(({ sampling }, i) => last.slots[i] === indexes[i] && last.samplings[i] === sampling)
    if (same) return last
    last?.plan.dispose()
    const buffers = this.#buffersFor(last, slots.length, true)
    const plan = recordStep(this.#pass, buffers, slots)
    this.#step = {
      ...{ ids: buffers.get('ids'), plan, buffers },
      ...{ slots: [...indexes], samplings: slots.map(({ sampling }) => sampling) },
    }
    return this.#step
  }

  /** The buffers of the last pass of a kind where they fit, else new ones in their stead. */
  #buffersFor(last: Pass | undefined, rows: number, head: boolean): Buffers {
    const layout = passLayout(this.#device, this.#pass.model, rows, head)
    if (last && last.buffers.region.bytes >= layout.bytes) return new Buffers(last.buffers.region, layout)
    if (last) {
      this.#regions.splice(this.#regions.indexOf(last.buffers.region), 1)
      last.buffers.region.dispose()
    }
    return this.#allocate(layout, 'inference buffers')
  }

  #started(index: number): Slot {
    const slot = this.#slots[index]
    if (!slot) throw new RangeError(`slot ${index} was not started`)
    return slot
  }

  #allocateSlot(sampling: Sampling): Slot {
    const { model } = this.#pass
    const caches = new LayoutBuilder(this.#device.compute)
    for (let l = 0; l < model.layers; l++)
      caches.add(`layers.${l}`, 'compute', 2, this.#capacity, model.kvHeads * model.headDim)
    const scalars = new LayoutBuilder(this.#device.compute)
      .add('position', 'i32', 1)
      .add('counter', 'i32', 1)
      .add('token', 'i32', 1)
    const cache = this.#allocate(caches.build(), 'key-value cache')
    const one = this.#allocate(scalars.build(), 'scalars')
    return {
      ...{ cache, position: one.get('position'), counter: one.get('counter'), token: one.get('token') },
      ...{ seen: undefined, table: undefined, sampling, cached: [], pending: 0, drawn: 0 },
    }
  }

  /** Only a text with a penalty needs the table of its tokens. */
  async #markSeen(slot: Slot, tokens: readonly number[]): Promise<void> {
    slot.seen = undefined
    if (slot.sampling.repetitionPenalty === 1) return
    const { vocabSize } = this.#pass.model
    const layout = new LayoutBuilder(this.#device.compute).add('seen', 'i32', vocabSize).build()
    slot.seen = slot.table ??= this.#allocate(layout, 'tokens of the text').get('seen')
    const marks = new Int32Array(vocabSize)
    for (const token of tokens) marks[token] = 1
    await writeTensor(slot.seen, marks)
  }

  #allocate(layout: Layout, label: string): Buffers {
    const buffers = Buffers.allocate(this.#device, layout, label)
    this.#regions.push(buffers.region)
    return buffers
  }
}

function markToken(seen: Tensor, token: number): Promise<void> {
  return writeTensor(tensor(seen.region, seen.offset + 4 * token, 'i32', [1]), Int32Array.of(1))
}

const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple
