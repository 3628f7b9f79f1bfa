import { addDecoderBuffers } from '../../model/buffers.js'
import { forward, inputBuffer, type Pass } from '../../model/decoder.js'
import type { ModelConfig } from '../../config/types.js'
import type { ComputeType, Plan, Region } from '../../native/device.js'
import { Buffers, LayoutBuilder, type Layout } from '../../tensor/layout.js'
import * as ops from '../../tensor/ops.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { EvaluatedModel } from '../evaluated-model.js'
import type { Batch } from './batches.js'

/** The shape of a decoder pass over the nodes of a prefix tree. */
export type TreeShape = Pick<Batch, 'rows' | 'paths' | 'positions'>

/** A recorded pass: write the inputs, then run. */
export interface TreePass {
  /** [1, R] tokens of the nodes. */
  readonly ids: Tensor
  /** [1, B·T] node at each position of each path. */
  readonly spread: Tensor
  /** [1, R] place of each node in one of its paths. */
  readonly gather: Tensor
  /** [R, C] what comes out: hidden states after the last norm. */
  readonly hidden: Tensor
  readonly plan: Plan
}

export function treeLayout(compute: ComputeType, model: ModelConfig, shape: TreeShape): Layout {
  const { heads: H, kvHeads: G, headDim: D } = model
  const { rows: R, paths: B, positions: T } = shape
  const layout = new LayoutBuilder(compute)
    .add('ids', 'i32', 1, R)
    .add('spread', 'i32', 1, B * T)
    .add('gather', 'i32', 1, R)
    .add('paths.qkv', 'compute', B * T, (H + 2 * G) * D)
    .add('paths.attended', 'compute', B * T, H * D)
    .add('paths.lse', 'f32', B * H, T)
  addDecoderBuffers(layout, model, passShape(R))
  return layout.build()
}

/**
 * The decoder over the nodes of a prefix tree, up to the last norm. Everything but attention goes row by row, so it runs
 * over the nodes, each once. For attention, queries, keys and values are spread out to the paths,
 * whole sequences of T positions, and what comes out of one path for each node is gathered again.
 */
export function recordTreePass(
  { device, model, weights }: EvaluatedModel,
  shape: TreeShape,
  t: { readonly activations: Region; readonly cos: Tensor; readonly sin: Tensor },
): TreePass {
  const buffers = new Buffers(t.activations, treeLayout(device.compute, model, shape))
  const get = (name: string) => buffers.get(name)
  const { heads, kvHeads, headDim } = model
  const { positions } = shape
  const attend: Pass['attend'] = (plan, { qkv, y }) => {
    const paths = get('paths.qkv')
    takeRows(plan, get('spread'), qkv, paths)
    ops.rope(plan, { x: paths, cos: t.cos, sin: t.sin }, { heads: heads + kvHeads, headDim, positions })
    ops.attention(
      plan,
      { qkv: paths, y: get('paths.attended'), lse: get('paths.lse') },
      { heads, kvHeads, headDim, positions },
    )
    takeRows(plan, get('gather'), get('paths.attended'), y)
  }
  const pass: Pass = { model, weights, buffers, cos: t.cos, sin: t.sin, shape: passShape(shape.rows), attend }
  const plan = device.createPlan('score')
  takeRows(plan, get('ids'), weights.get('embedding'), inputBuffer(pass))
  forward(plan, pass)
  return {
    ids: get('ids'),
    spread: get('spread'),
    gather: get('gather'),
    hidden: get('normed'),
    plan,
  }
}

/** A recorded head: write which rows and labels, run, and read the losses. */
export interface HeadPass {
  /** [1, M] rows of the hidden states. */
  readonly picked: Tensor
  /** [1, M + 1]: the label of picked row j stands at j + 1, where the next token of a sequence would. */
  readonly labels: Tensor
  /** [M] f64: −log-probability of each label. */
  readonly loss: Tensor
  readonly plan: Plan
}

export function headLayout(compute: ComputeType, model: ModelConfig, picks: number): Layout {
  return new LayoutBuilder(compute)
    .add('picked', 'i32', 1, picks)
    .add('labels', 'i32', 1, picks + 1)
    .add('loss', 'f64', picks)
    .add('scale', 'f64', 1)
    .add('rows', 'compute', picks, model.width)
    .add('logits', 'compute', picks, model.vocabSize)
    .build()
}

/** The head for M rows of `hidden` that are scored; the others never meet the vocabulary. */
export function recordHeadPass(
  { device, model, weights }: EvaluatedModel,
  picks: number,
  t: { readonly region: Region; readonly hidden: Tensor },
): HeadPass {
  const buffers = new Buffers(t.region, headLayout(device.compute, model, picks))
  const get = (name: string) => buffers.get(name)
  const plan = device.createPlan('score: head')
  takeRows(plan, get('picked'), t.hidden, get('rows'))
  const head = weights.get(model.tiedHead ? 'embedding' : 'head')
  ops.gemm(plan, { a: get('rows'), b: head, c: get('logits') }, { transB: true })
  ops.crossEntropy(
    plan,
    { logits: get('logits'), ids: get('labels'), loss: get('loss'), scale: get('scale') },
    { firstRow: 0, positions: picks + 1, patch: 1, gradient: false },
  )
  return { picked: get('picked'), labels: get('labels'), loss: get('loss'), plan }
}

/** to[i] = from[indices[i]], row by row: an embedding lookup of single tokens is nothing else. */
function takeRows(plan: Plan, indices: Tensor, from: Tensor, to: Tensor): void {
  ops.patchEmbedding(plan, { ids: indices, table: from, y: to }, { patch: 1 })
}

function passShape(rows: number): Pass['shape'] {
  return { sequences: 1, positions: rows, mode: 'evaluate', recompute: 'none' }
}
