/**
 * XXH64 with seed 0, streaming; the low 32 bits of it end a zstd frame. 64-bit numbers are kept as two
 * 32-bit halves in one Int32Array (low, high), because BigInt is some fifty times slower.
 */

const P1 = [0x85ebca87, 0x9e3779b1] as const
const P2 = [0x27d4eb4f, 0xc2b2ae3d] as const
const P3 = [0x9e3779f9, 0x165667b1] as const
const P4 = [0xc2b2ae63, 0x85ebca77] as const
const P5 = [0x165667c5, 0x27d4eb2f] as const

const STRIPE = 32

type Word = readonly [low: number, high: number]

export class XxHash64 {
  /** Four accumulators, low and high halves. */
  private readonly lanes = Int32Array.of(...sum(P1, P2), ...P2, 0, 0, ...negate(P1))
  private readonly rest = new Uint8Array(STRIPE)
  private length = 0

  update(bytes: Uint8Array): this {
    const held = this.length % STRIPE
    this.length += bytes.length
    let at = 0
    if (held > 0) {
      at = Math.min(STRIPE - held, bytes.length)
      this.rest.set(bytes.subarray(0, at), held)
      if (held + at < STRIPE) return this
      this.stripes(this.rest, 0, STRIPE)
    }
    const end = bytes.length - ((bytes.length - at) % STRIPE)
    this.stripes(bytes, at, end)
    this.rest.set(bytes.subarray(end))
    return this
  }

  /** Low 32 bits of the digest of all bytes so far, unsigned. */
  low32(): number {
    const { lanes } = this
    let hash: Word
    if (this.length >= STRIPE) {
      const lane = (i: number): Word => [lanes[2 * i]!, lanes[2 * i + 1]!]
      hash = sum(sum(rotate(lane(0), 1), rotate(lane(1), 7)), sum(rotate(lane(2), 12), rotate(lane(3), 18)))
      for (let i = 0; i < 4; i++) hash = sum(product(xor(hash, round([0, 0], lane(i))), P1), P4)
    } else {
      hash = P5
    }
    hash = sum(hash, [this.length | 0, Math.floor(this.length / 2 ** 32)])

    const tail = this.rest.subarray(0, this.length % STRIPE)
    const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
    let at = 0
    for (; at + 8 <= tail.length; at += 8) {
      const word: Word = [view.getInt32(at, true), view.getInt32(at + 4, true)]
      hash = sum(product(rotate(xor(hash, round([0, 0], word)), 27), P1), P4)
    }
    if (at + 4 <= tail.length) {
      hash = sum(product(rotate(xor(hash, product([view.getInt32(at, true), 0], P1)), 23), P2), P3)
      at += 4
    }
    for (; at < tail.length; at++) hash = product(rotate(xor(hash, product([tail[at]!, 0], P5)), 11), P1)

    hash = product(xor(hash, shiftRight(hash, 33)), P2)
    hash = product(xor(hash, shiftRight(hash, 29)), P3)
    return xor(hash, shiftRight(hash, 32))[0] >>> 0
  }

  /** The hot loop: lane ← rotl(lane + word · P2, 31) · P1, written out without tuples. */
  private stripes(bytes: Uint8Array, at: number, end: number): void {
    const { lanes } = this
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let i = 0; i < 8; i += 2) {
      let low = lanes[i]!
      let high = lanes[i + 1]!
      for (let j = at + 4 * i; j < end; j += STRIPE) {
        const wordLow = view.getInt32(j, true)
        const wordHigh = view.getInt32(j + 4, true)
        const addLow = Math.imul(wordLow, P2[0])
        const addHigh = (mulHigh(wordLow, P2[0]) + Math.imul(wordLow, P2[1]) + Math.imul(wordHigh, P2[0])) | 0
        const sumLow = (low + addLow) | 0
        const carry = sumLow >>> 0 < low >>> 0 ? 1 : 0
        const sumHigh = (high + addHigh + carry) | 0
        const turnedLow = (sumLow << 31) | (sumHigh >>> 1)
        const turnedHigh = (sumHigh << 31) | (sumLow >>> 1)
        low = Math.imul(turnedLow, P1[0])
        high = (mulHigh(turnedLow, P1[0]) + Math.imul(turnedLow, P1[1]) + Math.imul(turnedHigh, P1[0])) | 0
      }
      lanes[i] = low
      lanes[i + 1] = high
    }
  }
}

/** High half of the unsigned 32 × 32 → 64 bit product. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const other = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) | 0
}

function product(a: Word, b: Word): Word {
  return [Math.imul(a[0], b[0]), (mulHigh(a[0], b[0]) + Math.imul(a[0], b[1]) + Math.imul(a[1], b[0])) | 0]
}

function sum(a: Word, b: Word): Word {
  const low = (a[0] + b[0]) | 0
  return [low, (a[1] + b[1] + (low >>> 0 < a[0] >>> 0 ? 1 : 0)) | 0]
}

function negate(a: Word): Word {
  return sum([~a[0], ~a[1]], [1, 0])
}

function xor(a: Word, b: Word): Word {
  return [a[0] ^ b[0], a[1] ^ b[1]]
}

function rotate([low, high]: Word, by: number): Word {
  return [(low << by) | (high >>> (32 - by)), (high << by) | (low >>> (32 - by))]
}

function shiftRight([low, high]: Word, by: number): Word {
  return by < 32 ? [(low >>> by) | (high << (32 - by)), high >>> by] : [high >>> (by - 32), 0]
}

function round(lane: Word, word: Word): Word {
  return product(rotate(sum(lane, product(word, P2)), 31), P1)
}
