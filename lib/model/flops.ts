import type { ModelConfig } from '../config/types.js'
import { parameterTable } from './parameters.js'

/** Weights that multiply activations: all matrices and the head, not the embedding lookup. */
export function matmulParameters(model: ModelConfig): number {
  const table = parameterTable(model)
  const matrices = table.parameters.filter((p) => p.decay && p.name !== 'embedding')
  const tiedHead = model.tiedHead ? model.vocabSize * model.width : 0
  return matrices.reduce((n, p) => n + p.size, tiedHead)
}

/**
 * Model FLOPs of forward and backward over `positions` positions in sequences of `context`: 6 for each matrix weight
 * and position, and attention's four products, of which causality needs half (so 6·L·H·D·T a position). Multiply and add
 * count apart. What is recomputed to save memory is not counted.
 */
export function trainingFlops(model: ModelConfig, positions: number, context: number): number {
  const attention = 6 * model.layers * model.heads * model.headDim * context
  return positions * (6 * matmulParameters(model) + attention)
}
