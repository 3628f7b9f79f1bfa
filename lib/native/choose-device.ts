import { dirname } from 'node:path'
import { DeviceError } from '../errors.js'
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
    throw new DeviceError(`there is no device '${device}'. Use 'auto', 'cpu', 'cuda' or 'cuda:1'.`)
  const emulated = kind === 'cuda-emu'
  const index = emulated ? 0 : Number(rest ?? 0)
  const options = cudaOptions(folder, emulated ? 'cuda-emu' : 'cuda', index, emulated ? (rest ?? '').replaceAll(',', ' ') : '')
  const name = emulated ? 'cuda-emu' : `cuda:${index}`

  const probe = probeCuda(addon, options)
  const problem = probe.problem || missingDevice(probe, index)
  if (kind !== 'auto') {
    if (problem) throw new DeviceError(`device '${device}' was asked for, but ${problem}.`)
    return { options, name, reason: '' }
  }
  if (problem) return cpu(`auto chose the CPU: ${firstSentence(problem)}`)
  const others = probe.devices.length - 1
  return { options, name, reason: `auto chose the GPU${others > 0 ? `, the first of ${others + 1}` : ''}` }
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

export function cudaOptions(
  folder: string,
  kind: CudaOptions['kind'],
  index: number,
  emulator: string,
): CudaOptions {
  return { kind, folder, index, cublaslt: process.env['PATCHTRAIN_CUBLASLT'] ?? '', emulator }
}

function missingDevice({ devices }: CudaProbe, index: number): string {
  if (index < devices.length) return ''
  return `this host has ${devices.length} CUDA device${devices.length === 1 ? '' : 's'}, counted from 0`
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
