import type { ModelConfig } from '../config/types.js'
import type { ComputeType, Device, Plan } from '../native/device.js'
import { LayoutBuilder, type Buffers, type Layout } from '../tensor/layout.js'
import * as ops from '../tensor/ops.js'
import { reshape, rows as rowsOf, type Tensor } from '../tensor/tensor.js'
import type { FlatParameters } from './weights.js'

/*
 * The passes of a model that writes, always token by token (K = 1): one that reads tokens into a sequence's cache, and
 * one that takes a step with several sequences at once. The products of a step are shared, so the weights are read once
 * for all; what depends on a position is done row by row, because every sequence stands elsewhere.
 */

/** How the next token is drawn. */
export interface Sampling {
  /** 0 takes the most likely token; 1 draws from the model's own distribution. */
  readonly temperature: number
  /** Only the k most likely tokens; 0: all. */
  readonly topK: number
  /** Only the most likely tokens that together hold this probability; 1: all. */
  readonly topP: number
  /** Divides positive and multiplies negative logits of tokens that the text has already; 1: no penalty. */
  readonly repetitionPenalty: number
  readonly seed: number
}

/** What a sequence has on the device. */
export interface SequenceState {
  /** `layers.l` [2, capacity, G·D] for each layer. */
  readonly cache: Buffers
  /** [1] each: where the next row stands, which draw it is, what was drawn. */
  readonly position: Tensor
  readonly counter: Tensor
  readonly token: Tensor
  /** [V]: tokens of the text; only with a repetition penalty. */
  readonly seen: Tensor | undefined
}

export interface PassContext {
  readonly device: Device
  readonly model: ModelConfig
  readonly weights: FlatParameters
  /** [capacity, D/2] */
  readonly cos: Tensor
  readonly sin: Tensor
}

/** Buffers of a pass of `rows` tokens; `head`: with logits. */
export function passLayout({ compute }: Device, model: ModelConfig, rows: number, head: boolean): Layout {
  const { width: C, feedForward: F, heads: H, kvHeads: G, headDim: D, vocabSize: V } = model
  const layout = new LayoutBuilder(compute)
    .add('ids', 'i32', 1, rows)
    .add('stream', 'compute', rows, C)
    .add('middle', 'compute', rows, C)
    .add('branch', 'compute', rows, C)
    .add('normed', 'compute', rows, C)
    .add('rstd', 'f32', rows)
    .add('qkv', 'compute', rows, (H + 2 * G) * D)
    .add('attended', 'compute', rows, H * D)
    .add('lse', 'f32', H, rows)
    .add('gateUp', 'compute', rows, 2 * F)
    .add('gated', 'compute', rows, F)
  if (head)
    for (const [i, { count }] of headGroups(compute, model, rows).entries())
      layout.add(`logits.${i}`, 'compute', count, V)
  return layout.build()
}

/**
 * Reads `rows` tokens into the cache of a sequence, from its position on. `fromStart`: the position is 0, so nothing
 * is attended but these rows, and the attention of training, which works in tiles, can do it.
 */
export function recordRead(
  context: PassContext,
  buffers: Buffers,
  rows: number,
  sequence: SequenceState,
  fromStart: boolean,
): Plan {
  const plan = context.device.createPlan(fromStart ? 'read a prompt' : 'read on')
  const shape = headsOf(context.model)
  const { position } = sequence
  recordLayers(plan, context, buffers, rows, (l, qkv, y) => {
    const cache = sequence.cache.get(`layers.${l}`)
    rotate(plan, context, qkv, rows, position)
    ops.kvAppend(plan, { qkv, cache, position }, shape)
    if (l === context.model.layers - 1) return false // its keys and values were all that is wanted
    if (fromStart) ops.attention(plan, { qkv, y, lse: buffers.get('lse') }, { ...shape, positions: rows })
    else ops.cachedAttention(plan, { qkv, cache, y, position }, shape)
    return true
  })
  return plan
}

/** One token of each sequence, in the order given: row i is sequence i. Each then has the next one in its `token`. */
export function recordStep(
  context: PassContext,
  buffers: Buffers,
  sequences: readonly (SequenceState & { readonly sampling: Sampling })[],
): Plan {
  const { model, weights } = context
  const plan = context.device.createPlan(`next token of ${sequences.length}`)
  const shape = headsOf(model)
  const count = sequences.length
  const together = context.device.kind === 'cpu' ? thinRows : count
  recordLayers(plan, context, buffers, together, (l, qkv, attended) => {
    for (const [i, { cache: caches, position }] of sequences.entries()) {
      const [row, y] = [rowsOf(qkv, i, i + 1), rowsOf(attended, i, i + 1)]
      const cache = caches.get(`layers.${l}`)
      rotate(plan, context, row, 1, position)
      ops.kvAppend(plan, { qkv: row, cache, position }, shape)
      ops.cachedAttention(plan, { qkv: row, cache, y, position }, shape)
    }
    return true
  })
  const get = (name: string) => buffers.get(name)
  ops.rmsNorm(
    plan,
    {
      ...{ x: get('middle'), delta: get('branch'), sum: get('stream') },
      ...{ weight: weights.get('norm'), y: get('normed'), rstd: get('rstd') },
    },
    { epsilon: model.normEpsilon },
  )
  const head = weights.get(model.tiedHead ? 'embedding' : 'head')
  for (const [g, { first, count: size }] of headGroups(context.device.compute, model, count).entries()) {
    const logits = get(`logits.${g}`)
    ops.gemm(plan, { a: rowsOf(get('normed'), first, first + size), b: head, c: logits }, { transB: true })
    for (let i = 0; i < size; i++)
      drawToken(plan, reshape(rowsOf(logits, i, i + 1), model.vocabSize), sequences[first + i]!)
  }
  return plan
}

function drawToken(
  plan: Plan,
  logits: Tensor,
  { token, counter, seen, sampling }: SequenceState & { readonly sampling: Sampling },
): void {
  if (seen) ops.repetitionPenalty(plan, { logits, seen }, { penalty: sampling.repetitionPenalty })
  ops.sample(plan, { logits, token, counter }, sampling)
}

/**
 * Everything from the ids to the last layer's `middle` and `branch`, whose sum is its output.
 * @param together rows that a product takes at once
 * @param attend from qkv to what was attended, or to the end of the pass
 */
function recordLayers(
  plan: Plan,
  context: PassContext,
  buffers: Buffers,
  together: number,
  attend: (layer: number, qkv: Tensor, attended: Tensor) => boolean,
): void {
  const { model, weights } = context
  const epsilon = model.normEpsilon
  const get = (name: string) => buffers.get(name)
  const product = (a: Tensor, w: Tensor, c: Tensor) => recordProduct(plan, a, w, c, together)
  const [stream, middle, branch] = [get('stream'), get('middle'), get('branch')]
  const [normed, rstd] = [get('normed'), get('rstd')]
  ops.patchEmbedding(plan, { ids: get('ids'), table: weights.get('embedding'), y: stream }, { patch: 1 })
  for (let l = 0; l < model.layers; l++) {
    const weight = (name: string) => weights.get(`layers.${l}.${name}`)
    const norm1 = { weight: weight('attention.norm'), y: normed, rstd }
    if (l === 0) ops.rmsNorm(plan, { x: stream, ...norm1 }, { epsilon })
    else ops.rmsNorm(plan, { x: middle, delta: branch, sum: stream, ...norm1 }, { epsilon })
    product(normed, weight('attention.qkv'), get('qkv'))
    if (!attend(l, get('qkv'), get('attended'))) return
    product(get('attended'), weight('attention.out'), branch)
    const norm2 = { weight: weight('feedForward.norm'), y: normed, rstd }
    ops.rmsNorm(plan, { x: stream, delta: branch, sum: middle, ...norm2 }, { epsilon })
    product(normed, weight('feedForward.gateUp'), get('gateUp'))
    ops.swiglu(plan, { gateUp: get('gateUp'), y: get('gated') })
    product(get('gated'), weight('feedForward.down'), branch)
  }
}

/** c = a·Wᵀ, so many rows at a time. */
function recordProduct(plan: Plan, a: Tensor, w: Tensor, c: Tensor, together: number): void {
  for (const { first, count } of groups(a.shape[0]!, together))
    ops.gemm(
      plan,
      { a: rowsOf(a, first, first + count), b: w, c: rowsOf(c, first, first + count) },
      { transB: true },
    )
}

function rotate(
  plan: Plan,
  { model, cos, sin }: PassContext,
  x: Tensor,
  rows: number,
  position: Tensor,
): void {
  const heads = model.heads + model.kvHeads
  ops.rope(plan, { x, cos, sin, position }, { heads, headDim: model.headDim, positions: rows })
}

function headsOf({ heads, kvHeads, headDim }: ModelConfig) {
  return { heads, kvHeads, headDim }
}

/**
 * Rows of a product that the CPU takes without packing (kThinRows of native/cpu/gemm_thin.h): each is then summed as if
 * it were alone, so a text does not depend on what is written beside it.
 */
const thinRows = 4

/** The rows of logits that lie together. On CUDA each must start at a multiple of 16 bytes. */
function headGroups(compute: ComputeType, model: ModelConfig, rows: number): RowGroup[] {
  if (compute === 'f32') return groups(rows, thinRows)
  return groups(rows, model.vocabSize % 8 === 0 ? rows : 1)
}

interface RowGroup {
  readonly first: number
  readonly count: number
}

function groups(rows: number, size: number): RowGroup[] {
  const all: RowGroup[] = []
  for (let first = 0; first < rows; first += size) all.push({ first, count: Math.min(size, rows - first) })
  return all
}
