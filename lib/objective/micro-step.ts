import type { ModelConfig } from '../config/types.js'
import { addBackwardBuffers, addDecoderBuffers, type PassShape, type Recompute } from '../model/buffers.js'
import { backward, forward, inputBuffer, type Pass } from '../model/decoder.js'
import type { FlatParameters } from '../model/weights.js'
import type { ComputeType, Device, Plan } from '../native/device.js'
import type { Buffers } from '../tensor/layout.js'
import { LayoutBuilder, type Layout } from '../tensor/layout.js'
import * as ops from '../tensor/ops.js'
import { rows, type Tensor } from '../tensor/tensor.js'

/*
 * Patch-level training (Shao, Meng and Zhou, "Beyond Next Token Prediction", 2024). A sequence of T·K tokens becomes T
 * patches: a patch enters as the mean of its K embeddings, and position i is scored, with the one shared head, against
 * all K tokens of patch i + 1. K = 1 is ordinary next-token training; nothing in here asks which of the two it is.
 */

/** One pass over a micro-batch: B sequences of T patches of K tokens. */
export interface MicroStepShape {
  /** B */
  readonly sequences: number
  /** T */
  readonly positions: number
  /** K */
  readonly patch: number
}

/** Positions that have a next patch to be scored against. */
export function scoredPositions(shape: MicroStepShape): number {
  return shape.sequences * (shape.positions - 1)
}

/** What every micro-step of a run shares. */
export interface MicroStepContext {
  readonly device: Device
  readonly model: ModelConfig
  readonly weights: FlatParameters
  readonly cos: Tensor
  readonly sin: Tensor
  /** [1] f64: what each position's gradient is multiplied by, 1 / (scored positions of the whole step). */
  readonly scale: Tensor
  /** [1] f64: sum of the losses of all scored positions. */
  readonly totalLoss: Tensor
}

/**
 * Logits held at a time. CPU: 32 Mi values, 128 MB, 1,024 rows at V = 32,000: the head's weights are packed once a chunk
 * for each of two products, so 256 rows would cost a step 7 %. CUDA: 128 Mi values, 256 MB, some 4,096 rows at
 * V = 32,000, for products that fill the device.
 */
const logitsBudget: Record<ComputeType, number> = { f32: 32 << 20, bf16: 128 << 20 }

function chunkRows(model: ModelConfig, R: number, compute: ComputeType): number {
  const fitting = Math.floor(logitsBudget[compute] / model.vocabSize)
  return Math.min(R, Math.max(128, Math.floor(fitting / 128) * 128))
}

/** The buffers of one micro-step; `train` adds what the backward pass needs. */
export function microStepLayout(
  model: ModelConfig,
  shape: MicroStepShape,
  mode: 'train' | 'evaluate',
  options: { readonly compute: ComputeType; readonly recompute?: Recompute },
): Layout {
  const { compute, recompute = 'none' } = options
  const { sequences: B, positions: T, patch: K } = shape
  const R = B * T
  const layout = new LayoutBuilder(compute).add('ids', 'i32', B, T * K).add('loss', 'f64', R)
  const pass: PassShape = { sequences: B, positions: T, mode, recompute }
  addDecoderBuffers(layout, model, pass)
  const logits = (group: LayoutBuilder) =>
    group.add('logits', 'compute', chunkRows(model, R, compute), model.vocabSize)
  if (mode === 'evaluate') return layout.overlay(logits).build()
  // The logits are gone before the first layer's gradient is computed.
  return layout
    .add('dstream', 'compute', R, model.width)
    .overlay(logits, (group) => addBackwardBuffers(group, model, pass))
    .build()
}

/** A recorded micro-step: write the tokens to `ids`, then run `plan`. */
export interface MicroStep {
  /** [B, T·K] */
  readonly ids: Tensor
  /** [R] f64: loss of each position. */
  readonly loss: Tensor
  readonly plan: Plan
}

/**
 * Forward and backward. `accumulate` is false for the first micro-batch of a step, which replaces gradients and loss,
 * and true for the others, which add.
 */
export function recordTrainingStep(
  context: MicroStepContext,
  shape: MicroStepShape,
  buffers: Buffers,
  gradients: FlatParameters,
  options: { accumulate: boolean; recompute: Recompute; label: string },
): MicroStep {
  const { model } = context
  const { accumulate } = options
  const plan = context.device.createPlan(options.label)
  const pass = passOf(context, shape, buffers, 'train', options.recompute)
  const ids = buffers.get('ids')

  plan.scope('forward', () => {
    ops.patchEmbedding(
      plan,
      { ids, table: context.weights.get('embedding'), y: inputBuffer(pass) },
      { patch: shape.patch },
    )
    forward(plan, pass)
  })
  plan.scope('head and loss', () => {
    recordHead(plan, context, shape, buffers, gradients, accumulate)
    ops.sumLoss(plan, { loss: buffers.get('loss'), total: context.totalLoss }, { accumulate })
  })
  plan.scope('backward', () => {
    backward(plan, { ...pass, gradients, accumulate })
    ops.patchEmbeddingBackward(
      plan,
      { ids, dy: buffers.get('dstream'), dtable: gradients.get('embedding') },
      // A tied head has written to the table's gradient already.
      { patch: shape.patch, accumulate: accumulate || model.tiedHead },
    )
  })
  return { ids, loss: buffers.get('loss'), plan }
}

/** Forward and loss only. */
export function recordEvaluationStep(
  context: MicroStepContext,
  shape: MicroStepShape,
  buffers: Buffers,
  label: string,
): MicroStep {
  const plan = context.device.createPlan(label)
  const pass = passOf(context, shape, buffers, 'evaluate', 'none')
  const ids = buffers.get('ids')
  ops.patchEmbedding(
    plan,
    { ids, table: context.weights.get('embedding'), y: inputBuffer(pass) },
    { patch: shape.patch },
  )
  forward(plan, pass)
  recordHead(plan, context, shape, buffers)
  ops.sumLoss(plan, { loss: buffers.get('loss'), total: context.totalLoss }, { accumulate: false })
  return { ids, loss: buffers.get('loss'), plan }
}

/**
 * The head and the K-label loss, a chunk of rows at a time, so that the logits [R, V] never exist as a whole. With
 * gradients: the logits become their own gradient in place, and leave as dW of the head and as the gradient of the
 * hidden states in `branch`.
 */
function recordHead(
  plan: Plan,
  context: MicroStepContext,
  shape: MicroStepShape,
  buffers: Buffers,
  gradients?: FlatParameters,
  accumulate = false,
): void {
  const { model, weights, scale } = context
  const name = model.tiedHead ? 'embedding' : 'head'
  const R = shape.sequences * shape.positions
  const chunk = chunkRows(model, R, context.device.compute)
  for (let first = 0; first < R; first += chunk) {
    const end = Math.min(R, first + chunk)
    const hidden = rows(buffers.get('normed'), first, end)
    const logits = rows(buffers.get('logits'), 0, end - first)
    plan.scope('head', () => ops.gemm(plan, { a: hidden, b: weights.get(name), c: logits }, { transB: true }))
    ops.crossEntropy(
      plan,
      { logits, ids: buffers.get('ids'), loss: rows(buffers.get('loss'), first, end), scale },
      { firstRow: first, positions: shape.positions, patch: shape.patch, gradient: gradients !== undefined },
    )
    if (!gradients) continue
    plan.scope('head dx', () =>
      ops.gemm(plan, { a: logits, b: weights.get(name), c: rows(buffers.get('branch'), first, end) }),
    )
    plan.scope('head dW', () =>
      ops.gemm(
        plan,
        { a: logits, b: hidden, c: gradients.get(name) },
        { transA: true, accumulate: accumulate || first > 0 },
      ),
    )
  }
}

function passOf(
  context: MicroStepContext,
  shape: MicroStepShape,
  buffers: Buffers,
  mode: PassShape['mode'],
  recompute: Recompute,
): Pass {
  const { model, weights, cos, sin } = context
  return {
    model,
    weights,
    buffers,
    cos,
    sin,
    shape: { sequences: shape.sequences, positions: shape.positions, mode, recompute },
  }
}
