import { dirname } from 'node:path'
import { DeviceError, DisposedError } from '../errors.js'
import type { Ceilings, DType, NativeDevice, PlanDescription, TensorArgument } from './addon.js'
import { loadAddon } from './load.js'
import { translate, translateAsync } from './translate.js'

export interface DeviceOptions {
  /** `auto` and `cpu` for now; `cuda` says why it cannot be had. */
  readonly device?: string
  /** 0: as many as this process may use. */
  readonly threads?: number
  /** An instruction-set level to insist on (`avx512`, `avx2`, `x64-v2`, `neon`); the best one when not given. */
  readonly level?: string
}

/**
 * A compute device: allocates {@link Region}s, records {@link Plan}s, and does everything asked of it in order on a
 * thread of its own. Writes, runs and reads need not be awaited one by one to stay in order.
 */
export class Device {
  readonly kind: 'cpu'
  readonly level: string
  readonly threads: number
  #native: NativeDevice | undefined
  readonly #regions = new Set<Region>()

  private constructor(native: NativeDevice) {
    this.#native = native
    const info = native.info()
    this.kind = info.kind
    this.level = info.level
    this.threads = info.threads
  }

  /** @throws {DeviceError} when the device cannot be had on this host; never falls back silently. */
  static create(options: DeviceOptions = {}): Device {
    const wanted = options.device ?? 'auto'
    if (/^cuda(:\d+)?$/.test(wanted))
      throw new DeviceError(
        `device '${wanted}' was asked for, but this build has no CUDA kernels. Use device: 'cpu' or 'auto'.`,
      )
    if (wanted !== 'auto' && wanted !== 'cpu')
      throw new DeviceError(`there is no device '${wanted}'. Use 'auto', 'cpu' or 'cuda'.`)
    const { addon, path } = loadAddon()
    const level = options.level ?? process.env['PATCHTRAIN_CPU_LEVEL'] ?? ''
    return new Device(
      translate(() => new addon.Device({ folder: dirname(path), level, threads: options.threads ?? 0 })),
    )
  }

  /** For people: `cpu (avx512, 2 threads)`. */
  describe(): string {
    return `${this.kind} (${this.level}, ${this.threads} thread${this.threads === 1 ? '' : 's'})`
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
      writes.push(translateAsync(this.native.write(this.id, offset + i * width, part)))
    }
    await Promise.all(writes)
  }

  /** A copy of `bytes` bytes from byte `offset` on, as they are when the queue comes to it. At most 1 GiB. */
  read(offset: number, bytes: number): Promise<ArrayBuffer> {
    return translateAsync(this.native.read(this.id, offset, bytes))
  }

  /** Gives the memory back once no plan uses it. Idempotent. */
  dispose(): void {
    this.native.freeRegion(this.id)
    this.onDispose()
  }
}

/** A recorded list of ops that runs as one, off the main thread, any number of times. */
export class Plan {
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
  }

  /** Runs all ops in order. After the first run nothing more can be recorded. */
  run(): Promise<void> {
    return translateAsync(this.native.run(this.id))
  }

  /** Every op with its shapes, cost, and time measured so far. */
  describe(): PlanDescription {
    return translate(() => this.native.describe(this.id))
  }

  /** Idempotent. */
  dispose(): void {
    this.native.freePlan(this.id)
  }
}

const maxTransfer = 1 << 30

/** Bytes of one element. */
export const dtypeBytes: Record<DType, number> = { f32: 4, bf16: 2, f64: 8, i32: 4 }
