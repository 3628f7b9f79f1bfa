import type { ModelConfig } from '../../lib/config/types.js'
import { goldenDirection } from '../helpers/golden.js'
import { batchLoss } from './llama.js'
import type { Weights } from './llama.js'

/**
 * Slope of the loss when one weight moves along its golden direction, by central differences of fourth order in double.
 * With steps of 3e-4 about nine digits are right.
 */
export function slopeByDifferences(
  model: ModelConfig,
  weights: Weights,
  batch: readonly ArrayLike<number>[],
  patch: number,
  name: string,
): number {
  const weight = weights.get(name)!
  const direction = goldenDirection(name, weight.length)
  const lossAt = (step: number) => {
    const moved = Float64Array.from(weight, (value, i) => value + step * direction[i]!)
    return batchLoss(model, new Map(weights).set(name, moved), batch, patch)
  }
  const h = 3e-4
  return (8 * (lossAt(h) - lossAt(-h)) - (lossAt(2 * h) - lossAt(-2 * h))) / (12 * h)
}
