import type { PartResult } from './results.js'
import type { TextTask } from './tasks/task.js'

/** What is known of the text as a whole. */
export interface TextTotals {
  /** Without BOS. */
  readonly tokens: number
  readonly words: number
  readonly bytes: number
}

/**
 * The harness' measures of whole documents: sums over all of them before dividing.
 * word_perplexity = exp(−Σ ln p / words), byte_perplexity = exp(−Σ ln p / bytes), bits_per_byte = −Σ ln p / bytes / ln 2
 */
export function rollingResult(
  task: TextTask,
  logLikelihoods: readonly number[],
  totals: TextTotals,
): PartResult {
  const nats = -logLikelihoods.reduce((a, b) => a + b, 0)
  return result(task, logLikelihoods.length, {
    word_perplexity: Math.exp(nats / totals.words),
    byte_perplexity: Math.exp(nats / totals.bytes),
    bits_per_byte: nats / totals.bytes / Math.LN2,
  })
}

/** The paper's: the mean over the blocks of their mean next-token loss; perplexity is its exponential, a token. */
export function blocksResult(
  task: TextTask,
  logLikelihoods: readonly number[],
  scoredInBlock: number,
  totals: TextTotals,
): PartResult {
  const loss = -logLikelihoods.reduce((a, b) => a + b, 0) / logLikelihoods.length / scoredInBlock
  return result(task, logLikelihoods.length, {
    perplexity: Math.exp(loss),
    loss,
    bits_per_byte: (loss * totals.tokens) / totals.bytes / Math.LN2,
  })
}

/** The harness gives no standard error for these. */
function result(task: TextTask, examples: number, values: Record<string, number>): PartResult {
  const metrics = Object.entries(values).map(([name, value]) => [name, { value, stderr: null }] as const)
  return { name: task.name, examples, metrics: Object.fromEntries(metrics) }
}
