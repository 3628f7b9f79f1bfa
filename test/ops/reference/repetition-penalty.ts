import { exact, type Round } from './precision.js'

/** Logits of seen tokens, less likely. */
export function repetitionPenalty(
  logits: ArrayLike<number>,
  seen: ArrayLike<number>,
  penalty: number,
  round: Round = exact,
): Float64Array {
  return Float64Array.from(logits, (z, v) => {
    if (seen[v] === 0) return z
    return round(z > 0 ? z / round(penalty) : z * round(penalty))
  })
}
