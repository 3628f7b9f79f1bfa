import type { Device } from '../lib/native/device.js'
import type { Case } from './case.js'
import { measureCase } from './measure.js'
import type { OpRow } from './report.js'
import type { Effort, Subject } from './subject.js'

/** One op at one size, with the threads of one device. */
export class OpSubject implements Subject {
  readonly group = 'ops'
  readonly name: string
  readonly sizes: string
  readonly threads: number
  readonly childSeconds = 0
  readonly #device: Device
  readonly #case: Case
  readonly #rounds: number[][] = []
  #flops = 0
  #bytes = 0

  constructor(device: Device, benchCase: Case) {
    this.#device = device
    this.#case = benchCase
    this.name = benchCase.op
    this.sizes = benchCase.shape
    this.threads = device.threads
  }

  async measure({ op }: Effort): Promise<void> {
    const { samples, flops, bytes } = await measureCase(this.#device, this.#case, op)
    this.#rounds.push(samples)
    this.#flops = flops
    this.#bytes = bytes
  }

  row(): OpRow {
    const { group, name, sizes, threads } = this
    const follows = /^(gemm|attention)/.test(name) ? 'compute' : 'memory'
    return {
      group,
      name,
      sizes,
      threads,
      follows,
      flops: this.#flops,
      bytes: this.#bytes,
      rounds: this.#rounds,
    }
  }

  dispose(): void {} // the device is not ours
}
