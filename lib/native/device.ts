import { DisposedError } from '../errors.js'
import type { Ceilings, DType, NativeDevice, PlanDescription, PlanEntry, TensorArgument } from './addon.js'
import { chooseDevice, describeDevice, type ChosenDevice } from './choose-device.js'
import { loadAddon } from './load.js'
import { translate, translateAsync } from './translate.js'

export interface DeviceOptions {
  /** `auto` (the default), `cpu`, `cuda`, `cuda:1`. */
  readonly device?: string
  /** Of the CPU backend; 0: as many as this process may use. */
  readonly threads?: number
  /** An instruction-set level of the CPU backend to insist on (`avx512`, `avx2`, `x64-v2`, `neon`). */
  readonly level?: string
}

/** The type of weights and activations on a device. */
export type ComputeType = 'f32' | 'bf16'

/**
 * A compute device: allocates {@link Region}s, records {@link Plan}s, and does everything asked of it in order on a
 * thread of its own. Writes, runs and reads need not be awaited one by one to stay in order; a plan that was queued
 * behind one that failed is rejected and does nothing, so a whole step can be queued at once.
 */
export class Device {
  readonly kind: 'cpu' | 'cuda'
  /** `cpu`, `cuda:0` … */
  readonly name: string
  /** Why this device, when it was chosen and not asked for. */
  readonly reason: string
  /** The CPU's instruction-set level, or the GPU's name. */
  readonly level: string
  /** Of the CPU backend; 0 on CUDA. */
  readonly threads: number
  readonly compute: ComputeType
  #native: NativeDevice | undefined
  readonly #regions = new Set<Region>()

  private constructor(native: NativeDevice, chosen: ChosenDevice) {
    this.#native = native
    const info = native.info()
    this.kind = info.kind
    this.name = chosen.name
    this.reason = chosen.reason
    this.level = info.name
    this.threads = info.threads
    this.compute = info.compute
  }

  /** @throws {DeviceError} when the device cannot be had on this host; never falls back silently. */
  static create(options: DeviceOptions = {}): Device {
    const chosen = chooseDevice({
      device: options.device ?? 'auto',
      threads: options.threads ?? 0,
      level: options.level ?? process.env['PATCHTRAIN_CPU_LEVEL'] ?? '',
    })
    const { addon } = loadAddon()
    return new Device(
      translate(() => new addon.Device(chosen.options)),
      chosen,
    )
  }

  /** For people: `cpu (avx512, 2 threads)`. */
  describe(): string {
    return describeDevice(this.name, this.native.info())
  }

  /** What else there is to know, a line each: where matrix products come from. */
  notes(): string[] {
    const { notes } = this.native.info()
    return notes === '' ? [] : notes.split('\n')
  }

  /** Memory of the device, bytes. */
  memory(): { free: number; total: number } {
    return this.native.memory()
  }

  /** Makes room for plans that need a workspace of up to `bytes`: lack of memory then shows before the first runs. */
  reserveWorkspace(bytes: number): Promise<void> {
    return translateAsync(this.native.reserve(bytes))
  }

  /**
   * Whether plans that run from now on tell what each of their ops took, see {@link Plan.describe}. The CPU always does. CUDA
   * then launches ops one by one, which takes longer than the plan as a whole.
   */
  timeOps(on: boolean): Promise<void> {
    return translateAsync(this.native.timeOps(on))
  }

  /**
   * Which algorithm serves each matrix product, as text; empty where there is no choice. A device of the same kind that
   * is given it back computes the same bits.
   */
  choices(): Promise<string> {
    return translateAsync(this.native.choices())
  }

  /** Before the first plan runs. What cannot be taken over is said in {@link notes}. */
  restoreChoices(choices: string): Promise<void> {
    return translateAsync(this.native.restoreChoices(choices))
  }

  /** Zero-filled memory on the device. `label` names it in the memory plan. */
  allocate(bytes: number, label: string): Region {
    const native = this.native
    const id = translate(() => native.allocate(bytes))
    const region: Region = new Region(native, id, bytes, label, () => this.#regions.delete(region))
    this.#regions.add(region)
    return region
  }

  /** The memory table: every region that is allocated now. */
  regions(): { label: string; bytes: number }[] {
    return [...this.#regions].map(({ label, bytes }) => ({ label, bytes }))
  }

  createPlan(label: string): Plan {
    const native = this.native
    return new Plan(
      native,
      translate(() => native.createPlan(label)),
      label,
    )
  }

  /** What this device can do at most, measured now. Takes about a second. */
  measureCeilings(): Promise<Ceilings> {
    return translateAsync(this.native.measureCeilings())
  }

  /** Frees everything on the device; what was waiting is rejected. Idempotent. */
  dispose(): void {
    this.#native?.dispose()
    this.#native = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  private get native(): NativeDevice {
    if (!this.#native) throw new DisposedError('The device')
    return this.#native
  }
}

/** One allocation on a device. Tensors are windows into it. */
export class Region {
  /** @internal */
  constructor(
    private readonly native: NativeDevice,
    /** @internal */
    readonly id: number,
    readonly bytes: number,
    readonly label: string,
    private readonly onDispose: () => void,
  ) {}

  /** Copies `data` now and writes it at byte `offset` when the queue comes to it. */
  async write(offset: number, data: NodeJS.TypedArray): Promise<void> {
    const width = data.BYTES_PER_ELEMENT
    const piece = Math.floor(maxTransfer / width)
    const writes: Promise<void>[] = []
    for (let i = 0; i < data.length; i += piece) {
      const part = data.subarray(i, i + piece) as NodeJS.TypedArray
      writes.push(translateAsync(translate(() => this.native.write(this.id, offset + i * width, part))))
    }
    await Promise.all(writes)
  }

  /** A copy of `bytes` bytes from byte `offset` on, as they are when the queue comes to it. At most 1 GiB. */
  async read(offset: number, bytes: number): Promise<ArrayBuffer> {
    return translateAsync(translate(() => this.native.read(this.id, offset, bytes)))
  }

  /** Gives the memory back once no plan uses it. Idempotent. */
  dispose(): void {
    this.native.freeRegion(this.id)
    this.onDispose()
  }
}

/** A recorded op, and the scopes it was recorded in, from the outside in. */
export interface PlacedEntry extends PlanEntry {
  readonly scope: readonly string[]
}

export interface PlacedDescription extends PlanDescription {
  entries: PlacedEntry[]
}

/** A recorded list of ops that runs as one, off the main thread, any number of times. */
export class Plan {
  #scope: readonly string[] = []
  /** Of each op that was recorded. */
  readonly #scopes: (readonly string[])[] = []

  /** @internal */
  constructor(
    private readonly native: NativeDevice,
    private readonly id: number,
    readonly label: string,
  ) {}

  /**
   * Appends an op. lib/tensor/ops.ts has a typed function for each.
   * @throws {NativeError} naming op and tensor when shapes, types or parameters break the op's contract.
   */
  record(
    op: string,
    tensors: Record<string, TensorArgument | undefined>,
    params: Record<string, number> = {},
  ): void {
    translate(() => this.native.record(this.id, op, tensors, params))
    this.#scopes.push(this.#scope)
  }

  /** What `body` records is told apart by `name` in {@link describe}. Scopes nest; they change nothing about the run. */
  scope(name: string, body: () => void): void {
    const outer = this.#scope
    this.#scope = [...outer, name]
    try {
      body()
    } finally {
      this.#scope = outer
    }
  }

  /** Runs all ops in order. After the first run nothing more can be recorded. */
  async run(): Promise<void> {
    return translateAsync(translate(() => this.native.run(this.id)))
  }

  /** Every op with its scopes, shapes, cost, and time measured so far. */
  describe(): PlacedDescription {
    const described = translate(() => this.native.describe(this.id))
    const entries = described.entries.map((entry, i) => ({ ...entry, scope: this.#scopes[i]! }))
    return { ...described, entries }
  }

  /** Idempotent. */
  dispose(): void {
    this.native.freePlan(this.id)
  }
}

const maxTransfer = 1 << 30

/** Bytes of one element. */
export const dtypeBytes: Record<DType, number> = { f32: 4, bf16: 2, f64: 8, i32: 4 }
