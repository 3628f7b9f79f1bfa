/** The addon's surface, mirrored by hand from native/binding. Only lib/native touches it. */
export interface NativeAddon {
  readonly abi: number
  readonly version: string
  cpuLevels(): { name: string; supported: boolean }[]
  allowedThreads(): number
  ops(): OpSchema[]
  /** What the CUDA backend in `folder` finds on this host; throws when there is no such backend. */
  probeCuda(options: CudaOptions): CudaProbe
  readonly Device: new (
    options: { kind: 'cpu'; folder: string; level: string; threads: number } | CudaOptions,
  ) => NativeDevice
  /** Opens or makes the file and locks it for as long as the object lives; throws ERR_LOCKED when another has it. */
  readonly FileLock: new (path: string) => NativeFileLock
  readonly BpeTokenizer: new (options: BpeTokenizerOptions) => NativeBpeTokenizer
  readonly BpeDecoder: new (tokenizer: NativeBpeTokenizer) => NativeBpeDecoder
}

export type DType = 'f32' | 'bf16' | 'f64' | 'i32'

export interface CudaOptions {
  /** `cuda-emu` is the emulator that the tests use. */
  kind: 'cuda' | 'cuda-emu'
  folder: string
  index: number
  /** A libcublasLt to use; empty: search; `none`: our own kernels. */
  cublaslt: string
  emulator: string
}

export interface CudaProbe {
  /** 13000 is 13.0; 0: no driver. */
  driverVersion: number
  runtimeVersion: number
  devices: { name: string; capability: string; memoryBytes: number }[]
  /** Why no device can be used, with the remedy; empty when one can. */
  problem: string
  /** Where matrix products would come from. */
  products: string
}

/** `compute`: what weights and activations have on the device, f32 or bf16. */
export type SlotType = DType | 'compute' | 'compute_or_f32'

export interface OpSchema {
  name: string
  tensors: {
    name: string
    dtype: SlotType
    rank: number
    access: 'read' | 'write' | 'update'
    optional: boolean
  }[]
  params: { name: string; integer: boolean; min: number; max: number }[]
}

export interface TensorArgument {
  readonly region: number
  /** Bytes. */
  readonly offset: number
  readonly dtype: DType
  readonly shape: readonly number[]
}

export interface PlanDescription {
  label: string
  workspaceBytes: number
  entries: PlanEntry[]
}

export interface PlanEntry {
  op: string
  tensors: Record<string, { dtype: DType; shape: number[] }>
  params: Record<string, number>
  /** Of one run; multiply and add counted apart. */
  flops: number
  /** Of one run: every tensor read or written once. */
  bytes: number
  /** Summed over all runs. */
  nanoseconds: number
  runs: number
}

export interface Ceilings {
  flopsPerSecond: number
  bytesPerSecond: number
}

/** Regions and plans are numbers here; lib/native/device.ts gives them names and types. */
export interface NativeDevice {
  info(): { kind: 'cpu' | 'cuda'; name: string; threads: number; compute: 'f32' | 'bf16'; notes: string }
  memory(): { free: number; total: number }
  reserve(bytes: number): Promise<void>
  timeOps(on: boolean): Promise<void>
  choices(): Promise<string>
  restoreChoices(choices: string): Promise<void>
  allocate(bytes: number): number
  freeRegion(region: number): void
  createPlan(label: string): number
  freePlan(plan: number): void
  record(
    plan: number,
    op: string,
    tensors: Record<string, TensorArgument | undefined>,
    params: Record<string, number>,
  ): void
  describe(plan: number): PlanDescription
  run(plan: number): Promise<void>
  write(region: number, offset: number, data: NodeJS.TypedArray): Promise<void>
  read(region: number, offset: number, bytes: number): Promise<ArrayBuffer>
  measureCeilings(): Promise<Ceilings>
  dispose(): void
}

export interface NativeFileLock {
  /** Replaces the file's content; false when that did not work, which concerns the note, not the lock. */
  write(text: string): boolean
  release(): void
}

export interface BpeTokenizerOptions {
  /** UTF-8 of all pieces, back to back; the other arrays have one entry a piece. */
  texts: Uint8Array
  /** Bytes. */
  lengths: Uint32Array
  scores: Float32Array
  types: Uint8Array
  bosId: number
  eosId: number
  dummyPrefix: boolean
}

export interface NativeBpeTokenizer {
  encode(text: string, bos: boolean, eos: boolean): Int32Array
  encodeBatch(
    texts: readonly string[],
    bos: boolean,
    eos: boolean,
    threads: number,
  ): Promise<{ ids: Int32Array; offsets: Int32Array }>
  decode(ids: Int32Array): string
  piece(id: number): string
  dispose(): void
}

export interface NativeBpeDecoder {
  push(id: number): string
  end(): string
}
