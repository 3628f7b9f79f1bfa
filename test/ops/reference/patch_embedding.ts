import { exact, type Numbers, type Round } from './precision.js'

/** ids [B·S], table [V, C] → y [B·S/K, C] */
export function patchEmbedding(
  ids: Numbers,
  table: Numbers,
  C: number,
  K: number,
  round: Round = exact,
): Float64Array {
  const R = ids.length / K
  const y = new Float64Array(R * C)
  for (let r = 0; r < R; r++)
    for (let j = 0; j < C; j++) {
      let sum = 0
      for (let k = 0; k < K; k++) sum = round(sum + table[ids[r * K + k]! * C + j]!)
      y[r * C + j] = round(sum / K)
    }
  return y
}

/** ids [B·S], dy [B·S/K, C] → dtable [V, C], added to `start` if given */
export function patchEmbeddingBackward(
  ids: Numbers,
  dy: Numbers,
  V: number,
  C: number,
  K: number,
  start: Numbers | undefined,
  round: Round = exact,
): Float64Array {
  const dtable = start ? Float64Array.from(start) : new Float64Array(V * C)
  for (let p = 0; p < ids.length; p++)
    for (let j = 0; j < C; j++) {
      const i = ids[p]! * C + j
      dtable[i] = round(dtable[i]! + round(dy[Math.floor(p / K) * C + j]! / K))
    }
  return dtable
}
