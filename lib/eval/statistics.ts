/** Means and their standard errors, as the harness computes them (lm_eval/api/metrics.py). */

export interface Estimate {
  readonly value: number
  /** Standard error; null where it is not defined: of one example, or of a perplexity. */
  readonly stderr: number | null
}

/** The mean, and the sample standard deviation over √n. */
export function meanOf(values: readonly number[]): Estimate {
  const n = values.length
  const value = values.reduce((a, b) => a + b, 0) / n
  if (n < 2) return { value, stderr: null }
  const squares = values.reduce((sum, x) => sum + (x - value) ** 2, 0)
  return { value, stderr: Math.sqrt(squares / (n - 1)) / Math.sqrt(n) }
}

/** Of several tasks, each weighted by its number of examples; the error from the pooled variance. */
export function pooled(parts: readonly (Estimate & { readonly examples: number })[]): Estimate {
  const n = parts.reduce((sum, { examples }) => sum + examples, 0)
  const value = parts.reduce((sum, part) => sum + part.value * part.examples, 0) / n
  if (parts.some(({ stderr }) => stderr === null) || n === parts.length) return { value, stderr: null }
  const squares = parts.reduce(
    (sum, { examples, stderr }) => sum + (examples - 1) * stderr! ** 2 * examples,
    0,
  )
  return { value, stderr: Math.sqrt(squares / (n - parts.length) / n) }
}

/** Index of the largest value, the first one of equals. */
export function argmax(values: readonly number[]): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}
