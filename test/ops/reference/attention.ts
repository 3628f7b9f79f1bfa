import { exact, type Numbers, type Round } from './precision.js'

export interface Heads {
  readonly H: number
  readonly G: number
  readonly D: number
}

// `round` is applied to every operation, `store` to what a program without fused kernels would keep as a tensor: scores,
// probabilities, results and the gradients of each. The naive form of a bf16 kernel computes in fp32 and stores bf16.

/** Softmax of one query's scores over the keys it sees, and their log-sum-exp. `key(j, d)` reads the keys. */
function softmaxRow(
  q: (d: number) => number,
  key: (j: number, d: number) => number,
  seen: number,
  D: number,
  round: Round,
  store: Round,
): { p: Float64Array; lse: number } {
  const scale = round(1 / round(Math.sqrt(D)))
  const p = new Float64Array(seen)
  let max = -Infinity
  for (let j = 0; j < seen; j++) {
    let score = 0
    for (let d = 0; d < D; d++) score = round(score + round(q(d) * key(j, d)))
    p[j] = store(round(score * scale))
    max = Math.max(max, p[j]!)
  }
  let sum = 0
  for (let j = 0; j < seen; j++) {
    p[j] = round(Math.exp(round(p[j]! - max)))
    sum = round(sum + p[j]!)
  }
  for (let j = 0; j < seen; j++) p[j] = store(round(p[j]! / sum))
  return { p, lse: round(max + round(Math.log(sum))) }
}

/** qkv [B·T, (H+2G)·D] → y [B·T, H·D], lse [B·H, T] */
export function attention(
  qkv: Numbers,
  T: number,
  { H, G, D }: Heads,
  round: Round = exact,
  store: Round = exact,
) {
  const W = (H + 2 * G) * D
  const R = qkv.length / W
  const y = new Float64Array(R * H * D)
  const lse = new Float64Array(R * H)
  for (let r = 0; r < R; r++)
    for (let h = 0; h < H; h++) {
      const first = r - (r % T) // row 0 of the sequence
      const k = (H + Math.floor(h / (H / G))) * D
      const row = softmaxRow(
        (d) => qkv[r * W + h * D + d]!,
        (j, d) => qkv[(first + j) * W + k + d]!,
        (r % T) + 1,
        D,
        round,
        store,
      )
      lse[((first / T) * H + h) * T + (r % T)] = row.lse
      for (let d = 0; d < D; d++) {
        let sum = 0
        row.p.forEach((p, j) => (sum = round(sum + round(p * qkv[(first + j) * W + k + G * D + d]!))))
        y[(r * H + h) * D + d] = store(sum)
      }
    }
  return { y, lse }
}

/** qkv [B·T, (H+2G)·D], dy [B·T, H·D] → dqkv */
export function attentionBackward(
  qkv: Numbers,
  dy: Numbers,
  T: number,
  { H, G, D }: Heads,
  round: Round = exact,
  store: Round = exact,
): Float64Array {
  const W = (H + 2 * G) * D
  const R = qkv.length / W
  const { y } = attention(qkv, T, { H, G, D }, round, store)
  const scale = round(1 / round(Math.sqrt(D)))
  const dqkv = new Float64Array(R * W)
  const add = (at: number, value: number) => (dqkv[at] = round(dqkv[at]! + value))
  for (let r = 0; r < R; r++)
    for (let h = 0; h < H; h++) {
      const first = r - (r % T)
      const q = r * W + h * D
      const k = first * W + (H + Math.floor(h / (H / G))) * D
      const v = k + G * D
      const out = (r * H + h) * D
      let delta = 0
      for (let d = 0; d < D; d++) delta = round(delta + round(dy[out + d]! * y[out + d]!))
      const { p } = softmaxRow(
        (d) => qkv[q + d]!,
        (j, d) => qkv[k + j * W + d]!,
        (r % T) + 1,
        D,
        round,
        store,
      )
      p.forEach((probability, j) => {
        let dp = 0
        for (let d = 0; d < D; d++) dp = round(dp + round(dy[out + d]! * qkv[v + j * W + d]!))
        const ds = store(round(round(probability * round(store(dp) - delta)) * scale))
        for (let d = 0; d < D; d++) {
          add(q + d, round(ds * qkv[k + j * W + d]!))
          add(k + j * W + d, round(ds * qkv[q + d]!))
          add(v + j * W + d, round(probability * dy[out + d]!))
        }
      })
    }
  return dqkv.map(store)
}

/** qkv [n, (H+2G)·D], cache [2, P, G·D], first row at position `first` → y [n, H·D] */
export function cachedAttention(
  qkv: Numbers,
  cache: Numbers,
  P: number,
  first: number,
  { H, G, D }: Heads,
  round: Round = exact,
  store: Round = exact,
): Float64Array {
  const W = (H + 2 * G) * D
  const n = qkv.length / W
  const y = new Float64Array(n * H * D)
  for (let i = 0; i < n; i++)
    for (let h = 0; h < H; h++) {
      const g = Math.floor(h / (H / G)) * D
      const { p } = softmaxRow(
        (d) => qkv[i * W + h * D + d]!,
        (j, d) => cache[j * G * D + g + d]!,
        first + i + 1,
        D,
        round,
        store,
      )
      for (let d = 0; d < D; d++) {
        let sum = 0
        p.forEach(
          (probability, j) => (sum = round(sum + round(probability * cache[(P + j) * G * D + g + d]!))),
        )
        y[(i * H + h) * D + d] = store(sum)
      }
    }
  return y
}
