import { createHash } from 'node:crypto'

/** Numbers that depend on a seed and a name alone, so that one case can be repeated without those before it. */
export class Random {
  readonly #key: string
  #drawn = 0

  constructor(seed: number, name: string) {
    this.#key = `${seed}/${name}`
  }

  /** Uniform in [0, 1). */
  unit(): number {
    const digest = createHash('sha256').update(`${this.#key}/${this.#drawn++}`).digest()
    return digest.readUIntBE(0, 6) / 2 ** 48
  }

  /** A whole number in 0 … n − 1. */
  below(n: number): number {
    return Math.floor(this.unit() * n)
  }
}
