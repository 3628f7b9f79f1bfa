/**
 * The model and the patch loss in double precision, written to be read: this is the definition that everything fast
 * is held against. One sequence at a time, one row (a Float64Array) for each position, weights [out, in] under the
 * names of Hugging Face checkpoints.
 */
import type { ModelConfig } from '../../lib/config/types.js'

export type Rows = Float64Array[]
export type Weights = ReadonlyMap<string, ArrayLike<number>>

/** e_i = (1/K) Σ_k E[x_{iK+k}] */
export function embedPatches(
  table: ArrayLike<number>,
  width: number,
  ids: ArrayLike<number>,
  patch: number,
): Rows {
  return Array.from({ length: ids.length / patch }, (_, i) => {
    const row = new Float64Array(width)
    for (let k = 0; k < patch; k++) {
      const token = ids[i * patch + k]!
      for (let c = 0; c < width; c++) row[c]! += table[token * width + c]! / patch
    }
    return row
  })
}

/** y = x · rsqrt(mean(x²) + ε) · weight */
export function rmsNorm(x: Rows, weight: ArrayLike<number>, epsilon: number): Rows {
  return x.map((row) => {
    const scale = inverseRms(row, epsilon)
    return row.map((value, c) => value * scale * weight[c]!)
  })
}

export function inverseRms(row: Float64Array, epsilon: number): number {
  return 1 / Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / row.length + epsilon)
}

/** y = x · Wᵀ */
export function linear(x: Rows, weight: ArrayLike<number>): Rows {
  return x.map((row) => {
    const width = row.length
    const y = new Float64Array(weight.length / width)
    for (let o = 0; o < y.length; o++) {
      for (let c = 0; c < width; c++) y[o]! += weight[o * width + c]! * row[c]!
    }
    return y
  })
}

/**
 * Rotary positions, rotate-half form: elements i and i + D/2 of a head turn by t·θ^(−2i/D).
 * `direction` −1 turns back, which is also the gradient of turning forth.
 */
export function rotate(x: Rows, headDim: number, theta: number, direction: 1 | -1 = 1): Rows {
  const half = headDim / 2
  return x.map((row, t) => {
    const y = new Float64Array(row.length)
    for (let head = 0; head < row.length; head += headDim) {
      for (let i = 0; i < half; i++) {
        const angle = t * theta ** (-i / half)
        const cos = Math.cos(angle)
        const sin = direction * Math.sin(angle)
        const first = row[head + i]!
        const second = row[head + half + i]!
        y[head + i] = first * cos - second * sin
        y[head + half + i] = second * cos + first * sin
      }
    }
    return y
  })
}

export function softmax(scores: Float64Array): Float64Array {
  const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = scores.map((score) => Math.exp(score - largest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}

/** softmax(q·k/√D) of one query over the positions up to its own. `qAt`, `kAt`: first element of the heads. */
export function attentionWeights(
  q: Float64Array,
  k: Rows,
  qAt: number,
  kAt: number,
  headDim: number,
): Float64Array {
  return softmax(
    Float64Array.from(k, (key) => {
      let score = 0
      for (let d = 0; d < headDim; d++) score += q[qAt + d]! * key[kAt + d]!
      return score / Math.sqrt(headDim)
    }),
  )
}

/** Causal grouped-query attention: query head h reads key/value head ⌊h·G/H⌋. */
export function attention(q: Rows, k: Rows, v: Rows, model: ModelConfig): Rows {
  const { heads, kvHeads, headDim } = model
  return q.map((query, t) => {
    const y = new Float64Array(heads * headDim)
    for (let h = 0; h < heads; h++) {
      const qAt = h * headDim
      const kAt = Math.floor((h * kvHeads) / heads) * headDim
      attentionWeights(query, k.slice(0, t + 1), qAt, kAt, headDim).forEach((weight, s) => {
        for (let d = 0; d < headDim; d++) y[qAt + d]! += weight * v[s]![kAt + d]!
      })
    }
    return y
  })
}

export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

/** silu(gate) · up */
export function swiglu(gate: Rows, up: Rows): Rows {
  return gate.map((row, t) => row.map((value, f) => value * sigmoid(value) * up[t]![f]!))
}

export function add(a: Rows, b: Rows): Rows {
  return a.map((row, t) => row.map((value, c) => value + b[t]![c]!))
}

/** One decoder layer, with everything the gradient needs: it is written in the order of the computation. */
export function layer(model: ModelConfig, weight: (name: string) => ArrayLike<number>, input: Rows) {
  const { headDim, ropeTheta, normEpsilon } = model
  const normed = rmsNorm(input, weight('input_layernorm'), normEpsilon)
  const q = rotate(linear(normed, weight('self_attn.q_proj')), headDim, ropeTheta)
  const k = rotate(linear(normed, weight('self_attn.k_proj')), headDim, ropeTheta)
  const v = linear(normed, weight('self_attn.v_proj'))
  const attended = attention(q, k, v, model)
  const middle = add(input, linear(attended, weight('self_attn.o_proj')))

  const middleNormed = rmsNorm(middle, weight('post_attention_layernorm'), normEpsilon)
  const gate = linear(middleNormed, weight('mlp.gate_proj'))
  const up = linear(middleNormed, weight('mlp.up_proj'))
  const activated = swiglu(gate, up)
  const output = add(middle, linear(activated, weight('mlp.down_proj')))
  return { input, normed, q, k, v, attended, middle, middleNormed, gate, up, activated, output }
}

export const layerWeightName = (index: number, name: string) => `model.layers.${index}.${name}.weight`
export const headName = (model: ModelConfig) =>
  model.tiedHead ? 'model.embed_tokens.weight' : 'lm_head.weight'

/** One sequence of T·K tokens through the model: T rows of V logits, and what the layers computed on the way. */
export function forward(model: ModelConfig, weights: Weights, ids: ArrayLike<number>, patch: number) {
  const embedded = embedPatches(weights.get('model.embed_tokens.weight')!, model.width, ids, patch)
  const layers: ReturnType<typeof layer>[] = []
  for (let index = 0; index < model.layers; index++) {
    const weight = (name: string) => weights.get(layerWeightName(index, name))!
    layers.push(layer(model, weight, layers.at(-1)?.output ?? embedded))
  }
  const last = layers.at(-1)?.output ?? embedded
  const normed = rmsNorm(last, weights.get('model.norm.weight')!, model.normEpsilon)
  return { layers, last, normed, logits: linear(normed, weights.get(headName(model))!) }
}

/** Sum over the positions that have a next patch of −(1/K) Σ_k log softmax(z_i)[x_{(i+1)K+k}]. */
export function patchLossSum(logits: Rows, ids: ArrayLike<number>, patch: number): number {
  let sum = 0
  for (let i = 0; i < logits.length - 1; i++) {
    const probabilities = softmax(logits[i]!)
    for (let k = 0; k < patch; k++) sum -= Math.log(probabilities[ids[(i + 1) * patch + k]!]!) / patch
  }
  return sum
}

/** Positions of a batch that are scored: all but the last of each sequence. */
export function scoredPositions(batch: readonly ArrayLike<number>[], patch: number): number {
  return batch.reduce((sum, ids) => sum + ids.length / patch - 1, 0)
}

/** The loss of a batch: the mean over its scored positions. */
export function batchLoss(
  model: ModelConfig,
  weights: Weights,
  batch: readonly ArrayLike<number>[],
  patch: number,
): number {
  const sums = batch.map((ids) => patchLossSum(forward(model, weights, ids, patch).logits, ids, patch))
  return sums.reduce((a, b) => a + b, 0) / scoredPositions(batch, patch)
}
