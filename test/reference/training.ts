/** Training in double precision: accumulation, clipping and AdamW around the reference model. */
import type { ModelConfig, OptimizerConfig } from '../../lib/config/types.js'
import { batchGradient } from './llama-gradient.js'

type Tensors = Map<string, Float64Array>

/** AdamW with decoupled decay, on matrices and embeddings only. m and v start at zero. */
export class AdamW {
  private readonly m: Tensors = new Map()
  private readonly v: Tensors = new Map()
  private steps = 0

  constructor(private readonly config: OptimizerConfig) {}

  update(weights: Tensors, gradients: Tensors, rate: number): void {
    const { betas, epsilon, weightDecay } = this.config
    this.steps++
    for (const [name, weight] of weights) {
      const gradient = gradients.get(name)!
      const m = this.moments(this.m, name, weight.length)
      const v = this.moments(this.v, name, weight.length)
      const decay = name.endsWith('norm.weight') ? 0 : weightDecay
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]!
        m[i] = betas[0] * m[i]! + (1 - betas[0]) * g
        v[i] = betas[1] * v[i]! + (1 - betas[1]) * g * g
        const mean = m[i]! / (1 - betas[0] ** this.steps)
        const size = Math.sqrt(v[i]! / (1 - betas[1] ** this.steps))
        weight[i] = weight[i]! * (1 - rate * decay) - (rate * mean) / (size + epsilon)
      }
    }
  }

  private moments(all: Tensors, name: string, length: number): Float64Array {
    const tensor = all.get(name) ?? new Float64Array(length)
    all.set(name, tensor)
    return tensor
  }
}

/** Scales all gradients so that their common norm is at most `largest`, as torch's clip_grad_norm_; returns the norm. */
export function clip(gradients: Tensors, largest: number): number {
  let squares = 0
  for (const gradient of gradients.values()) for (const g of gradient) squares += g * g
  const norm = Math.sqrt(squares)
  const scale = Math.min(1, largest / (norm + 1e-6))
  for (const gradient of gradients.values()) gradient.forEach((g, i) => (gradient[i] = g * scale))
  return norm
}

/** One optimizer step on all the sequences of a batch at once: accumulation must give the same. */
export function trainStep(
  model: ModelConfig,
  weights: Tensors,
  batch: readonly ArrayLike<number>[],
  patch: number,
  optimizer: AdamW,
  rate: number,
  gradientClip: number,
): { loss: number; norm: number } {
  const { loss, gradients } = batchGradient(model, weights, batch, patch)
  const norm = clip(gradients, gradientClip)
  optimizer.update(weights, gradients, rate)
  return { loss, norm }
}
