/**
 * Weights and token ids of the golden files, drawn by integer hashing so that they need not be stored.
 * test/oracle/golden_formula.py says the same in Python; the two must agree bit for bit.
 */

/** FNV-1a, 32 bits: tells the tensors apart by their name. */
function fnv1a(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

/** lowbias32 of Chris Wellons: a bijection of uint32 that spreads every input bit over all output bits. */
function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

const draw = (name: number, index: number) => mix(mix(index) + name)

/** The largest power of two s with s²·fan-in <= 4: activations keep a size near one. */
function weightScale(shape: readonly number[]): number {
  let scale = 2
  while (scale * scale * shape.at(-1)! > 4) scale /= 2
  return scale
}

/** Matrices uniform in [-scale, scale), norm weights (one dimension) uniform in [0.75, 1.25). */
export function goldenWeight(name: string, shape: readonly number[]): Float32Array {
  const hash = fnv1a(name)
  const scale = weightScale(shape)
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const uniform = (draw(hash, i) >>> 8) / 2 ** 23 - 1 // [-1, 1), 24 bits
    return shape.length === 1 ? 1 + uniform / 4 : uniform * scale
  })
}

/** Tokens start, start + 1, … of one endless stream. Low ids are favoured, so a patch often holds one twice. */
export function goldenIds(start: number, count: number, vocabSize: number): Int32Array {
  const hash = fnv1a('ids')
  return Int32Array.from({ length: count }, (_, i) => {
    const bits = draw(hash, start + i)
    return Math.floor(((bits & 0xffff) * (bits >>> 16) * vocabSize) / 2 ** 32)
  })
}
