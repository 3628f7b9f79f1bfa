// Test data that is the same on every host: a small generator with a seed.

/** Uniform numbers in [0, 1): mulberry32 (T. Ettinger). */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `count` numbers from N(0, scale²), rounded to fp32. */
export function normals(count: number, seed: number, scale = 1): Float32Array {
  const next = uniforms(seed)
  return Float32Array.from(
    { length: count },
    () => scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  )
}

/** `count` integers in [0, below). */
export function integers(count: number, below: number, seed: number): Int32Array {
  const next = uniforms(seed)
  return Int32Array.from({ length: count }, () => Math.floor(below * next()))
}

/** `count` times NaN: what an output holds before a kernel that promises to overwrite it. */
export function nans(count: number): Float32Array {
  return new Float32Array(count).fill(NaN)
}
