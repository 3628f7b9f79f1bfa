import { dirname } from 'node:path'
import { ConfigError, DeviceError } from '../errors.js'
import type { CudaOptions, CudaProbe, NativeAddon, NativeDevice } from './addon.js'
import { loadAddon } from './load.js'

/** What a run computes on, and why. */
export interface ChosenDevice {
  readonly options: ConstructorParameters<NativeAddon['Device']>[0]
  /** `cpu`, `cuda:0`. */
  readonly name: string
  /** A sentence for people; empty when the device was asked for by name. */
  readonly reason: string
}

export interface DeviceWishes {
  readonly device: string
  readonly threads: number
  readonly level: string
}

/**
 * `auto` takes what PATCHTRAIN_DEVICE names, else the first CUDA device that can be used, else the CPU, and says why. A
 * device that was asked for by name is used or refused: there is no silent fallback.
 * @throws {DeviceError}
 */
export function chooseDevice(wishes: DeviceWishes): ChosenDevice {
  const host = process.env['PATCHTRAIN_DEVICE'] ?? 'auto'
  if (wishes.device !== 'auto' || host === 'auto' || host === '') return chooseByName(wishes)
  return { ...chooseByName({ ...wishes, device: host }), reason: `auto took what PATCHTRAIN_DEVICE names: ${host}` }
}

function chooseByName(wishes: DeviceWishes): ChosenDevice {
  const { device, threads, level } = wishes
  const { addon, path } = loadAddon()
  const folder = dirname(path)
  const cpu = (reason: string): ChosenDevice => ({
    options: { kind: 'cpu', folder, level, threads },
    name: 'cpu',
    reason,
  })
  if (device === 'cpu') return cpu('')

  const [, kind, rest] = /^(auto|cuda|cuda-emu)(?::(.*))?$/.exec(device) ?? []
  const isIndex = rest === undefined || /^\d{1,3}$/.test(rest)
  if (kind === undefined || (kind === 'auto' && rest !== undefined) || (kind === 'cuda' && !isIndex))
    throw new ConfigError(`There is no device '${device}'. Use 'auto', 'cpu', 'cuda' or 'cuda:1'.`, { path: 'device' })
  const emulated = kind === 'cuda-emu'
  const options = cudaOptions(folder, emulated ? 'cuda-emu' : 'cuda', emulated ? (rest ?? '').replaceAll(',', ' ') : '')
  const probe = probeCuda(addon, options)
  const named = !emulated && rest !== undefined ? Number(rest) : undefined
  const found = probe.problem ? { problem: probe.problem } : pickDevice(probe, named)
  if ('problem' in found) {
    if (kind === 'auto') return cpu(`auto chose the CPU: ${firstSentence(found.problem)}`)
    throw new DeviceError(`device '${device}' was asked for, but ${found.problem}.`)
  }
  const { index } = found
  return {
    options: { ...options, index },
    name: emulated ? 'cuda-emu' : `cuda:${index}`,
    reason: kind === 'auto' ? `auto chose the GPU${probe.devices.length > 1 ? `, ${index} of 0 to ${probe.devices.length - 1}` : ''}` : '',
  }
}

/** The device that was named, else the first with kernels. */
function pickDevice({ devices }: CudaProbe, named: number | undefined): { index: number } | { problem: string } {
  const tooOld = ({ name, capability }: CudaProbe['devices'][number]) =>
    Number.parseInt(capability) >= 8
      ? undefined
      : `${name} has compute capability ${capability}; the kernels need 8.0 (A100, RTX 30) or newer`
  if (named !== undefined) {
    const device = devices[named]
    if (!device)
      return { problem: `this host has ${devices.length} CUDA device${devices.length === 1 ? '' : 's'}, counted from 0` }
    const problem = tooOld(device)
    return problem === undefined ? { index: named } : { problem }
  }
  const index = devices.findIndex((device) => tooOld(device) === undefined)
  return index >= 0 ? { index } : { problem: devices.map(tooOld).join('; ') }
}

/** What the CUDA backend finds; a backend that cannot be loaded is a problem like any other. */
export function probeCuda(addon: NativeAddon, options: CudaOptions): CudaProbe {
  try {
    return addon.probeCuda(options)
  } catch (error) {
    const problem = (error as Error).message
    return { driverVersion: 0, runtimeVersion: 0, devices: [], problem, products: '' }
  }
}

export function cudaOptions(folder: string, kind: CudaOptions['kind'], emulator: string): CudaOptions {
  return { kind, folder, index: 0, cublaslt: process.env['PATCHTRAIN_CUBLASLT'] ?? '', emulator }
}

/** Without the remedy: whoever has no GPU need not hear of it at every start, and the doctor tells it. */
function firstSentence(text: string): string {
  return text.split('. ', 1)[0] ?? text
}

/** For people: `cpu (avx512, 2 threads)`, `cuda:0 (NVIDIA H200, bf16)`. */
export function describeDevice(name: string, info: ReturnType<NativeDevice['info']>): string {
  if (info.kind === 'cuda') return `${name} (${info.name}, ${info.compute})`
  return `${name} (${info.name}, ${info.threads} thread${info.threads === 1 ? '' : 's'})`
}
