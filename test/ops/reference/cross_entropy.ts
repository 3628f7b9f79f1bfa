import { exact, type Numbers, type Round } from './precision.js'

export interface Batch {
  ids: Numbers // [B, S] flat
  positions: number // T
  patch: number // K
}

/** The K labels of row b·T + t: the tokens of the next patch. None for the last position of a sequence. */
export function labelsOf({ ids, positions, patch }: Batch, row: number): number[] {
  if (row % positions === positions - 1) return []
  return Array.from({ length: patch }, (_, k) => ids[(row + 1) * patch + k]!)
}

/** logits [r, V] of the rows from `firstRow` on → loss [r], dlogits [r, V] = scale · ∂loss/∂logits */
export function crossEntropy(
  logits: Numbers,
  V: number,
  batch: Batch,
  firstRow: number,
  scale: number,
  round: Round = exact,
): { loss: Float64Array; dlogits: Float64Array } {
  const rows = logits.length / V
  const loss = new Float64Array(rows)
  const dlogits = new Float64Array(rows * V)
  for (let j = 0; j < rows; j++) {
    const labels = labelsOf(batch, firstRow + j)
    if (labels.length === 0) continue
    const z = Array.from({ length: V }, (_, v) => logits[j * V + v]!)
    const largest = z.reduce((a, b) => Math.max(a, b), -Infinity)
    const exponentials = z.map((value) => round(Math.exp(round(value - largest))))
    const total = exponentials.reduce((sum, e) => round(sum + e), 0)
    const labelMean = labels.reduce((sum, label) => round(sum + z[label]!), 0) / labels.length
    loss[j] = round(round(round(Math.log(total)) + largest) - labelMean)
    exponentials.forEach((e, v) => (dlogits[j * V + v] = round(round(e / total) * scale)))
    for (const label of labels)
      dlogits[j * V + label] = round(dlogits[j * V + label]! - round(scale / labels.length))
  }
  return { loss, dlogits }
}
