/**
 * A random permutation of 0 … size − 1 that is computed, not stored: a Feistel network over the next
 * power of four, walked until the value falls inside. Nothing to build, nothing to save, O(1) a value.
 */
const ROUNDS = 8

export class Permutation {
  readonly size: number
  private readonly half: number
  private readonly keys: Int32Array

  /** `seed` and `stream` are non-negative integers below 2^53; every pair gives its own permutation. */
  constructor(size: number, seed: number, stream: number) {
    this.size = size
    // Two halves of equal width; at most 26 bits each, so that every value is an exact number.
    this.half = Math.max(1, Math.ceil(Math.log2(Math.max(2, size)) / 2))
    if (4 ** this.half < size) this.half++
    this.keys = Int32Array.from({ length: ROUNDS }, (_, round) =>
      [seed, seed / 2 ** 32, stream, stream / 2 ** 32, round].reduce(
        (key, word) => mix(key, word | 0),
        0x9e3779b9,
      ),
    )
  }

  /** Where `index` goes. At most four tries on average, because at least a quarter of the domain is inside. */
  at(index: number): number {
    let value = index
    do value = this.encrypt(value)
    while (value >= this.size)
    return value
  }

  private encrypt(value: number): number {
    const width = 2 ** this.half
    const mask = width - 1
    let left = Math.floor(value / width)
    let right = value % width
    for (let round = 0; round < ROUNDS; round++) {
      const next = left ^ (mix(this.keys[round]!, right) & mask)
      left = right
      right = next
    }
    return left * width + right
  }
}

/** Murmur3's finaliser over a key and a word. */
function mix(key: number, word: number): number {
  let h = Math.imul(key ^ word, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h ^= h >>> 16
  h = Math.imul(h + key, 0x27d4eb2f)
  return h ^ (h >>> 15)
}
