import type { DType } from '../native/addon.js'
import { dtypeBytes, type ComputeType, type Device, type Region } from '../native/device.js'
import { sizeOf, tensor, type Tensor } from './tensor.js'

/** One named buffer of a region, at a place that was decided before anything was allocated. */
export interface LayoutEntry {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly offset: number
  readonly bytes: number
}

/** The table of one region: what lies where. It can be printed, summed up, and only then allocated. */
export interface Layout {
  readonly entries: readonly LayoutEntry[]
  readonly bytes: number
}

/** An element type, or the one that weights and activations have on the device. */
export type LayoutType = DType | 'compute'

/**
 * Builds a layout. `add` places a buffer behind the others; `overlay` lets groups of buffers that are never alive at
 * the same time share one place. Reuse is declared here and nowhere else.
 */
export class LayoutBuilder {
  readonly #entries: LayoutEntry[] = []
  readonly #compute: ComputeType
  #end: number

  constructor(compute: ComputeType, start = 0) {
    this.#compute = compute
    this.#end = start
  }

  add(name: string, type: LayoutType, ...shape: number[]): this {
    const dtype = type === 'compute' ? this.#compute : type
    const bytes = sizeOf(shape) * dtypeBytes[dtype]
    this.#entries.push({ name, dtype, shape, offset: this.#end, bytes })
    this.#end = Math.ceil((this.#end + bytes) / alignment) * alignment
    return this
  }

  overlay(...groups: ((group: LayoutBuilder) => void)[]): this {
    const start = this.#end
    for (const fillGroup of groups) {
      const group = new LayoutBuilder(this.#compute, start)
      fillGroup(group)
      this.#entries.push(...group.#entries)
      this.#end = Math.max(this.#end, group.#end)
    }
    return this
  }

  build(): Layout {
    return { entries: this.#entries, bytes: this.#end }
  }
}

const alignment = 64

/** The tensors of a layout once its region exists. */
export class Buffers {
  readonly #entries: ReadonlyMap<string, LayoutEntry>

  constructor(
    readonly region: Region,
    layout: Layout,
  ) {
    this.#entries = new Map(layout.entries.map((entry) => [entry.name, entry]))
  }

  static allocate(device: Device, layout: Layout, label: string): Buffers {
    return new Buffers(device.allocate(Math.max(layout.bytes, alignment), label), layout)
  }

  get(name: string): Tensor {
    const entry = this.#entries.get(name)
    if (!entry) throw new RangeError(`no buffer named ${name} in ${this.region.label}`)
    return tensor(this.region, entry.offset, entry.dtype, entry.shape)
  }

  has(name: string): boolean {
    return this.#entries.has(name)
  }
}
