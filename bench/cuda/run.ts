import type { Ceilings } from '../../lib/native/addon.js'
import { Device } from '../../lib/native/device.js'
import type { CudaCase } from './case.js'
import { cudaCases } from './cases.js'
import { measureCudaCase, type Measurement } from './measure.js'
import type { CudaSizes } from './sizes.js'
import { withOwnProducts } from './own-products.js'
import { measureSteps, type StepMeasurement } from './steps.js'

/** One result: figures, or why there are none. */
export interface CudaRow {
  readonly section: CudaCase['section'] | 'ceiling' | 'step'
  readonly name: string
  readonly figures?: Readonly<Record<string, number | string>>
  readonly skipped?: string
  readonly error?: string
}

export interface CudaBench {
  /** `cuda`, `cuda:1`, `cuda-emu`. */
  readonly device: string
  readonly sizes: CudaSizes
  readonly wanted: (name: string) => boolean
  /** No row begins later than this, on the clock of performance.now(). */
  readonly deadline: number
}

/** Peak of dense bf16 on Hopper that every MFU is held against, whatever the device: figures stay comparable. */
const peakFlops = 989e12

/** Every op alone; products a second time with our own kernels where a library served them. */
export async function* benchmarkOps(bench: CudaBench): AsyncGenerator<CudaRow, void, void> {
  const cases = cudaCases(bench.sizes).filter(({ name }) => bench.wanted(name))
  const device = Device.create({ device: bench.device })
  const served = device.notes().some((note) => note.includes('cuBLASLt'))
  let ceilings: Ceilings
  try {
    ceilings = await ceilingsOf(bench, device)
    yield ceilingRow('ceiling copy', 'gbps', ceilings.bytesPerSecond / 1e9)
    yield ceilingRow('ceiling products', 'tflops', ceilings.flopsPerSecond / 1e12)
    yield* measureAll(bench, device, cases, (name) => name, ceilings)
  } finally {
    device.dispose()
  }
  const own = served ? cases.filter(({ section }) => section === 'gemm') : []
  if (own.length === 0) return
  const alone = await withOwnProducts(async () => Device.create({ device: bench.device }))
  try {
    yield* measureAll(bench, alone, own, (name) => `${name}, own kernel`, ceilings)
  } finally {
    alone.dispose()
  }
}

/** Whole training steps. */
export async function* benchmarkSteps(bench: CudaBench): AsyncGenerator<CudaRow, void, void> {
  for (const preset of Object.keys(bench.sizes.stepSequences)) {
    const name = `${preset} step`
    if (!bench.wanted(name)) continue
    if (performance.now() > bench.deadline) {
      yield { section: 'step', name, skipped: 'out of time' }
      continue
    }
    const device = Device.create({ device: bench.device })
    try {
      for await (const measured of measureSteps(device, bench.sizes, preset))
        yield { section: 'step', name: `${name} K${measured.patch}`, figures: stepFigures(measured) }
    } catch (error) {
      yield { section: 'step', name, error: (error as Error).message }
    } finally {
      device.dispose()
    }
  }
}

async function* measureAll(
  { sizes, deadline }: CudaBench,
  device: Device,
  cases: readonly CudaCase[],
  rename: (name: string) => string,
  ceilings: Ceilings,
): AsyncGenerator<CudaRow, void, void> {
  for (const benchCase of cases) {
    const row = { section: benchCase.section, name: rename(benchCase.name) }
    if (performance.now() > deadline) {
      yield { ...row, skipped: 'out of time' }
      continue
    }
    try {
      yield {
        ...row,
        figures: figuresOf(benchCase, await measureCudaCase(device, benchCase, sizes), ceilings),
      }
    } catch (error) {
      yield { ...row, error: (error as Error).message }
    }
  }
}

function figuresOf(
  { bound }: CudaCase,
  { milliseconds, spread, repeats, flops, bytes }: Measurement,
  ceilings: Ceilings,
): NonNullable<CudaRow['figures']> {
  const seconds = milliseconds / 1000
  const speed =
    bound === 'products'
      ? { tflops: flops / seconds / 1e12, of_ceiling: flops / seconds / ceilings.flopsPerSecond }
      : { gbps: bytes / seconds / 1e9, of_ceiling: bytes / seconds / ceilings.bytesPerSecond }
  return { ms: milliseconds, ...speed, spread, repeats }
}

function stepFigures(step: StepMeasurement): NonNullable<CudaRow['figures']> {
  return {
    ms: step.milliseconds,
    tokens_per_s: step.tokensPerSecond,
    mfu: step.flops / (step.milliseconds / 1000) / peakFlops,
    spread: step.spread,
    peak_gib: step.peakBytes / 2 ** 30,
    javascript_ms: step.javascriptMilliseconds,
    sequences: step.sequences,
  }
}

function ceilingRow(name: string, unit: 'gbps' | 'tflops', speed: number): CudaRow {
  return { section: 'ceiling', name, figures: { [unit]: speed } }
}

/** The emulator would take hours for the product that a device is asked for; little memory makes it a small one. */
async function ceilingsOf({ device: name }: CudaBench, device: Device): Promise<Ceilings> {
  if (!name.startsWith('cuda-emu')) return device.measureCeilings()
  const small = Device.create({ device: 'cuda-emu:policy=sequential,memory=6200000' })
  try {
    return await small.measureCeilings()
  } finally {
    small.dispose()
  }
}
