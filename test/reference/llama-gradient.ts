/**
 * The gradient of the batch loss in double precision, by the chain rule in the plainest form. Each function here is
 * the transpose of one in llama.ts. Names: `d` before a value is its gradient.
 */
import type { ModelConfig } from '../../lib/config/types.js'
import {
  add,
  attentionWeights,
  forward,
  headName,
  inverseRms,
  layerWeightName,
  patchLossSum,
  rotate,
  scoredPositions,
  sigmoid,
  softmax,
} from './llama.js'
import type { Rows, Weights } from './llama.js'

/** dx of y = x·Wᵀ; dW is added to. */
function linearBackward(dy: Rows, x: Rows, weight: ArrayLike<number>, dWeight: Float64Array): Rows {
  return x.map((row, t) => {
    const dx = new Float64Array(row.length)
    dy[t]!.forEach((dValue, o) => {
      for (let c = 0; c < row.length; c++) {
        dx[c]! += dValue * weight[o * row.length + c]!
        dWeight[o * row.length + c]! += dValue * row[c]!
      }
    })
    return dx
  })
}

/** With s = rsqrt(mean(x²) + ε) and n = x·s: dx = s·(dn − n·mean(dn·n)), dn = dy·weight. */
function rmsNormBackward(
  dy: Rows,
  x: Rows,
  weight: ArrayLike<number>,
  dWeight: Float64Array,
  epsilon: number,
): Rows {
  return x.map((row, t) => {
    const scale = inverseRms(row, epsilon)
    const dNormed = dy[t]!.map((dValue, c) => dValue * weight[c]!)
    let mean = 0
    for (let c = 0; c < row.length; c++) {
      mean += (dNormed[c]! * row[c]! * scale) / row.length
      dWeight[c]! += dy[t]![c]! * row[c]! * scale
    }
    return row.map((value, c) => scale * (dNormed[c]! - value * scale * mean))
  })
}

function attentionBackward(dy: Rows, q: Rows, k: Rows, v: Rows, model: ModelConfig) {
  const { heads, kvHeads, headDim } = model
  const zeros = (rows: Rows) => rows.map((row) => new Float64Array(row.length))
  const [dq, dk, dv] = [zeros(q), zeros(k), zeros(v)]
  for (let t = 0; t < q.length; t++) {
    for (let h = 0; h < heads; h++) {
      const qAt = h * headDim
      const kAt = Math.floor((h * kvHeads) / heads) * headDim
      const weights = attentionWeights(q[t]!, k.slice(0, t + 1), qAt, kAt, headDim)
      const dWeights = weights.map((weight, s) => {
        let dWeight = 0
        for (let d = 0; d < headDim; d++) {
          dWeight += dy[t]![qAt + d]! * v[s]![kAt + d]!
          dv[s]![kAt + d]! += weight * dy[t]![qAt + d]!
        }
        return dWeight
      })
      const mean = weights.reduce((sum, weight, s) => sum + weight * dWeights[s]!, 0)
      weights.forEach((weight, s) => {
        const dScore = (weight * (dWeights[s]! - mean)) / Math.sqrt(headDim)
        for (let d = 0; d < headDim; d++) {
          dq[t]![qAt + d]! += dScore * k[s]![kAt + d]!
          dk[s]![kAt + d]! += dScore * q[t]![qAt + d]!
        }
      })
    }
  }
  return { dq, dk, dv }
}

/** silu'(g) = σ(g)·(1 + g·(1 − σ(g))) */
function swigluBackward(dy: Rows, gate: Rows, up: Rows) {
  const dGate = dy.map((row, t) =>
    row.map((dValue, f) => {
      const g = gate[t]![f]!
      return dValue * up[t]![f]! * sigmoid(g) * (1 + g * (1 - sigmoid(g)))
    }),
  )
  const dUp = dy.map((row, t) => row.map((dValue, f) => dValue * gate[t]![f]! * sigmoid(gate[t]![f]!)))
  return { dGate, dUp }
}

/** (softmax(z_i) − (1/K) Σ_k onehot(label)) · scale for the scored positions, zero for the last. */
function patchLossBackward(logits: Rows, ids: ArrayLike<number>, patch: number, scale: number): Rows {
  return logits.map((row, i) => {
    if (i === logits.length - 1) return new Float64Array(row.length)
    const dRow = softmax(row).map((probability) => probability * scale)
    for (let k = 0; k < patch; k++) dRow[ids[(i + 1) * patch + k]!]! -= scale / patch
    return dRow
  })
}

function layerBackward(
  model: ModelConfig,
  weight: (name: string) => ArrayLike<number>,
  dWeight: (name: string) => Float64Array,
  saved: ReturnType<typeof forward>['layers'][number],
  dOutput: Rows,
): Rows {
  const through = (name: string, dy: Rows, x: Rows) => linearBackward(dy, x, weight(name), dWeight(name))
  const throughNorm = (name: string, dy: Rows, x: Rows) =>
    rmsNormBackward(dy, x, weight(name), dWeight(name), model.normEpsilon)
  const unrotate = (dx: Rows) => rotate(dx, model.headDim, model.ropeTheta, -1)

  const { dGate, dUp } = swigluBackward(
    through('mlp.down_proj', dOutput, saved.activated),
    saved.gate,
    saved.up,
  )
  const dMiddleNormed = add(
    through('mlp.gate_proj', dGate, saved.middleNormed),
    through('mlp.up_proj', dUp, saved.middleNormed),
  )
  const dMiddle = add(dOutput, throughNorm('post_attention_layernorm', dMiddleNormed, saved.middle))

  const dAttended = through('self_attn.o_proj', dMiddle, saved.attended)
  const { dq, dk, dv } = attentionBackward(dAttended, saved.q, saved.k, saved.v, model)
  const dNormed = [
    through('self_attn.q_proj', unrotate(dq), saved.normed),
    through('self_attn.k_proj', unrotate(dk), saved.normed),
    through('self_attn.v_proj', dv, saved.normed),
  ].reduce(add)
  return add(dMiddle, throughNorm('input_layernorm', dNormed, saved.input))
}

/** The loss of a batch and its gradient for every weight. */
export function batchGradient(
  model: ModelConfig,
  weights: Weights,
  batch: readonly ArrayLike<number>[],
  patch: number,
): { loss: number; gradients: Map<string, Float64Array> } {
  const gradients = new Map([...weights].map(([name, { length }]) => [name, new Float64Array(length)]))
  const scored = scoredPositions(batch, patch)
  let loss = 0
  for (const ids of batch) {
    const { layers, last, normed, logits } = forward(model, weights, ids, patch)
    loss += patchLossSum(logits, ids, patch) / scored

    const head = headName(model)
    const dLogits = patchLossBackward(logits, ids, patch, 1 / scored)
    const dNormed = linearBackward(dLogits, normed, weights.get(head)!, gradients.get(head)!)
    const norm = 'model.norm.weight'
    let dx = rmsNormBackward(dNormed, last, weights.get(norm)!, gradients.get(norm)!, model.normEpsilon)
    for (let index = model.layers - 1; index >= 0; index--) {
      const weight = (name: string) => weights.get(layerWeightName(index, name))!
      const dWeight = (name: string) => gradients.get(layerWeightName(index, name))!
      dx = layerBackward(model, weight, dWeight, layers[index]!, dx)
    }
    const dTable = gradients.get('model.embed_tokens.weight')!
    for (let position = 0; position < ids.length; position++) {
      const dRow = dx[Math.floor(position / patch)]!
      dRow.forEach((dValue, c) => (dTable[ids[position]! * model.width + c]! += dValue / patch))
    }
  }
  return { loss, gradients }
}
