import { exact, type Round } from './precision.js'

export interface AdamWSettings {
  beta1: number
  beta2: number
  eps: number
  weightDecay: number
}

export interface AdamWState {
  weight: Float64Array
  m: Float64Array
  v: Float64Array
}

/** One step of torch.optim.AdamW, the `t`-th counted from 1, in place. The gradient is multiplied by `clip` first. */
export function adamw(
  state: AdamWState,
  gradient: ArrayLike<number>,
  settings: AdamWSettings,
  learningRate: number,
  t: number,
  clip = 1,
  round: Round = exact,
): void {
  const { beta1, beta2, eps, weightDecay } = settings
  const rate = learningRate / (1 - beta1 ** t)
  const rootBias2 = Math.sqrt(1 - beta2 ** t)
  const { weight, m, v } = state
  for (let i = 0; i < weight.length; i++) {
    const g = round(gradient[i]! * clip)
    weight[i] = round(weight[i]! * (1 - learningRate * weightDecay))
    m[i] = round(round(beta1 * m[i]!) + round((1 - beta1) * g))
    v[i] = round(round(beta2 * v[i]!) + round((1 - beta2) * round(g * g)))
    const denominator = round(round(round(Math.sqrt(v[i]!)) / rootBias2) + eps)
    weight[i] = round(weight[i]! - round(rate * round(m[i]! / denominator)))
  }
}
