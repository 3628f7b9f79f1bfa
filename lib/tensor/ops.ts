import type { Plan } from '../native/device.js'
import type { TensorArgument } from '../native/addon.js'
import type { Tensor } from './tensor.js'

/*
 * Every op, as a function that records it into a plan. Formulas, aliasing and determinism are in the contract
 * headers, native/ops/NAME.h; shapes are repeated here because this is where a model is written.
 *
 * B sequences · T positions · R = B·T rows · K patch size · C width · H heads · G kv heads · D head dim ·
 * F feed-forward width · V vocabulary
 */

/** y = value. Any shape. */
export function fill(plan: Plan, y: Tensor, value: number): void {
  record(plan, 'fill', { y }, { value })
}

/** y ~ N(0, std²): element i is a pure function of (seed, stream, i). Any shape. */
export function fillNormal(plan: Plan, y: Tensor, p: { seed: number; stream: number; std: number }): void {
  record(plan, 'fill_normal', { y }, { ...splitSeed(p.seed), stream: p.stream, std: p.std })
}

/** y = x. Any shapes of the same size. */
export function copy(plan: Plan, x: Tensor, y: Tensor): void {
  record(plan, 'copy', { x, y })
}

/** y = bf16(x), rounded to nearest, ties to even. Any shapes of the same size. */
export function convert(plan: Plan, x: Tensor, y: Tensor): void {
  record(plan, 'convert', { x, y })
}

/** C = op(A)·op(B), or C += op(A)·op(B). */
export function gemm(
  plan: Plan,
  t: { a: Tensor; b: Tensor; c: Tensor },
  p: { transA?: boolean; transB?: boolean; accumulate?: boolean } = {},
): void {
  record(plan, 'gemm', t, {
    trans_a: flag(p.transA),
    trans_b: flag(p.transB),
    accumulate: flag(p.accumulate),
  })
}

/** y[R, C] = mean of the K rows of table[V, C] that the ids[B, K·T] of each patch name. */
export function patchEmbedding(
  plan: Plan,
  t: { ids: Tensor; table: Tensor; y: Tensor },
  p: { patch: number },
): void {
  record(plan, 'patch_embedding', t, p)
}

/** dtable[V, C] (=|+=) the scattered dy[R, C] / K. */
export function patchEmbeddingBackward(
  plan: Plan,
  t: { ids: Tensor; dy: Tensor; dtable: Tensor },
  p: { patch: number; accumulate: boolean },
): void {
  record(plan, 'patch_embedding_backward', t, { patch: p.patch, accumulate: flag(p.accumulate) })
}

/** sum = x + delta (when delta is given); y = sum · rstd · weight; rstd[R] = 1/√(mean(sum²) + ε). */
export function rmsNorm(
  plan: Plan,
  t: { x: Tensor; delta?: Tensor; weight: Tensor; sum?: Tensor; y: Tensor; rstd: Tensor },
  p: { epsilon: number },
): void {
  record(plan, 'rms_norm', t, { eps: p.epsilon })
}

/** dx (=|+=), dweight (=|+=) of y = x · rstd · weight, where x is what was normalised. */
export function rmsNormBackward(
  plan: Plan,
  t: { dy: Tensor; x: Tensor; weight: Tensor; rstd: Tensor; dx: Tensor; dweight: Tensor },
  p: { accumulateDx: boolean; accumulateDweight: boolean },
): void {
  record(plan, 'rms_norm_backward', t, {
    accumulate_dx: flag(p.accumulateDx),
    accumulate_dweight: flag(p.accumulateDweight),
  })
}

/** Rotates the first `heads` heads of every row of x in place; row r stands at position r mod T (+ position[0]). */
export function rope(
  plan: Plan,
  t: { x: Tensor; cos: Tensor; sin: Tensor; position?: Tensor },
  p: { heads: number; headDim: number; positions: number; inverse?: boolean },
): void {
  record(plan, 'rope', t, {
    heads: p.heads,
    head_dim: p.headDim,
    positions: p.positions,
    inverse: flag(p.inverse),
  })
}

export interface AttentionShape {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** T: rows that belong to one sequence. */
  readonly positions: number
}

/** y[R, H·D] = causal softmax(q·k/√D)·v from packed qkv[R, (H+2G)·D]; lse[B·H, T] is kept for the backward pass. */
export function attention(plan: Plan, t: { qkv: Tensor; y: Tensor; lse: Tensor }, p: AttentionShape): void {
  record(plan, 'attention', t, attentionParams(p))
}

/** dqkv = …, with the softmax recomputed from lse. */
export function attentionBackward(
  plan: Plan,
  t: { qkv: Tensor; y: Tensor; dy: Tensor; lse: Tensor; dqkv: Tensor },
  p: AttentionShape,
): void {
  record(plan, 'attention_backward', t, attentionParams(p))
}

/** y[R, F] = silu(gate)·up from gateUp[R, 2F]. */
export function swiglu(plan: Plan, t: { gateUp: Tensor; y: Tensor }): void {
  record(plan, 'swiglu', { gate_up: t.gateUp, y: t.y })
}

export function swigluBackward(plan: Plan, t: { gateUp: Tensor; dy: Tensor; dgateUp: Tensor }): void {
  record(plan, 'swiglu_backward', { gate_up: t.gateUp, dy: t.dy, dgate_up: t.dgateUp })
}

/**
 * loss[r] of a chunk of rows against the K tokens of the next patch, and, when `gradient` is set, the logits' gradient
 * in their place, times scale[0]. Rows without a next patch have loss 0 and gradient 0.
 */
export function crossEntropy(
  plan: Plan,
  t: { logits: Tensor; ids: Tensor; loss: Tensor; scale: Tensor },
  p: { firstRow: number; positions: number; patch: number; gradient: boolean },
): void {
  record(plan, 'cross_entropy', t, {
    first_row: p.firstRow,
    positions: p.positions,
    patch: p.patch,
    gradient: flag(p.gradient),
  })
}

/** total[0] (=|+=) Σ loss, in double. */
export function sumLoss(plan: Plan, t: { loss: Tensor; total: Tensor }, p: { accumulate: boolean }): void {
  record(plan, 'sum_loss', t, { accumulate: flag(p.accumulate) })
}

/**
 * result[3] = global norm, clip scale, 1 when the update may be applied else 0: norm and loss[1] finite, and neither above
 * limits[2] = largest loss, largest norm.
 */
export function gradNorm(
  plan: Plan,
  t: { gradient: Tensor; result: Tensor; loss?: Tensor; limits?: Tensor },
  p: { maxNorm: number },
): void {
  record(plan, 'grad_norm', t, { max_norm: p.maxNorm })
}

/** One AdamW update. step[3] = learning rate, 1 − β1^t, 1 − β2^t; clip is gradNorm's result; rounded = bf16(weight). */
export function adamw(
  plan: Plan,
  t: {
    weight: Tensor
    gradient: Tensor
    m: Tensor
    v: Tensor
    step: Tensor
    clip?: Tensor
    rounded?: Tensor
  },
  p: { beta1: number; beta2: number; epsilon: number; weightDecay: number },
): void {
  record(plan, 'adamw', t, { beta1: p.beta1, beta2: p.beta2, eps: p.epsilon, weight_decay: p.weightDecay })
}

/** cache[2, P, G·D][:, position + i] = keys and values of row i of qkv[n, (H+2G)·D]. */
export function kvAppend(
  plan: Plan,
  t: { qkv: Tensor; cache: Tensor; position: Tensor },
  p: Omit<AttentionShape, 'positions'>,
): void {
  record(plan, 'kv_append', t, { heads: p.heads, kv_heads: p.kvHeads, head_dim: p.headDim })
}

/** y[n, H·D]: row i of qkv attends positions 0 … position + i of the cache. */
export function cachedAttention(
  plan: Plan,
  t: { qkv: Tensor; cache: Tensor; y: Tensor; position: Tensor },
  p: Omit<AttentionShape, 'positions'>,
): void {
  record(plan, 'cached_attention', t, { heads: p.heads, kv_heads: p.kvHeads, head_dim: p.headDim })
}

/** logits[V] of tokens with seen[v] ≠ 0: divided by the penalty where positive, multiplied where not. In place. */
export function repetitionPenalty(
  plan: Plan,
  t: { logits: Tensor; seen: Tensor },
  p: { penalty: number },
): void {
  record(plan, 'repetition_penalty', t, p)
}

/** token[0] drawn from logits[V]; temperature 0 is the largest logit. The draw is a function of (seed, counter[0]). */
export function sample(
  plan: Plan,
  t: { logits: Tensor; token: Tensor; counter: Tensor },
  p: { seed: number; temperature: number; topK: number; topP: number },
): void {
  record(plan, 'sample', t, {
    ...splitSeed(p.seed),
    temperature: p.temperature,
    top_k: p.topK,
    top_p: p.topP,
  })
}

function record(
  plan: Plan,
  op: string,
  tensors: Record<string, Tensor | undefined>,
  params: Record<string, number> = {},
): void {
  const args: Record<string, TensorArgument> = {}
  for (const [name, t] of Object.entries(tensors))
    if (t) args[name] = { region: t.region.id, offset: t.offset, dtype: t.dtype, shape: t.shape }
  plan.record(op, args, params)
}

function attentionParams(p: AttentionShape): Record<string, number> {
  return { heads: p.heads, kv_heads: p.kvHeads, head_dim: p.headDim, positions: p.positions }
}

function flag(value: boolean | undefined): number {
  return value ? 1 : 0
}

/** A seed is a whole number up to 2^53; the generator's key is two words of 32 bits. */
function splitSeed(seed: number): { seed_low: number; seed_high: number } {
  return { seed_low: seed % 2 ** 32, seed_high: Math.floor(seed / 2 ** 32) }
}
