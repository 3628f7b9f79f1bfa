// The models whose whole training step is measured on the CPU: small enough for two cores, with a small and a large
// vocabulary, because the head is half of the work with the large one.
import { completeConfig } from '../../lib/config/complete.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { RunConfig } from '../../lib/config/types.js'

export interface StepModel {
  readonly name: string
  /** Letters as everywhere: B sequences of T positions of K tokens, C wide, F feed-forward, L layers, H heads, V vocabulary. */
  readonly B: number
  readonly T: number
  readonly K: number
  readonly C: number
  readonly F: number
  readonly L: number
  readonly H: number
  readonly V: number
}

const small = { B: 8, T: 256, K: 1, C: 256, F: 688, L: 4, H: 4 }
const wide = { B: 4, T: 512, K: 1, C: 512, F: 1376, L: 4, H: 8 }

export const stepModels: readonly StepModel[] = [
  { name: 'C256 V512', ...small, V: 512 },
  { name: 'C256 V32000', ...small, V: 32_000 },
  { name: 'C512 V32000', ...wide, V: 32_000 },
  { name: 'C256 V32000 K4', ...small, K: 4, V: 32_000 },
]

/** One stage, one micro-batch a step: what is left is forward, backward, clipping and AdamW. */
export function stepConfig({ B, T, K, C, F, L, H, V }: StepModel, threads: number): RunConfig {
  const draft = resolveConfig({
    model: { width: C, feedForward: F, layers: L, heads: H, vocabSize: V },
    data: { train: 'random tokens' },
    device: 'cpu',
    threads,
    stages: [{ patchSize: K, steps: 1000, context: T, batchSequences: B, microBatchSequences: B }],
  })
  return completeConfig(draft, {})
}
