import type { ModelConfig } from '../config/types.js'
import type { Plan } from '../native/device.js'
import type { Buffers } from '../tensor/layout.js'
import * as ops from '../tensor/ops.js'
import type { Tensor } from '../tensor/tensor.js'
import { layerBuffers, type PassShape } from './buffers.js'
import type { FlatParameters } from './weights.js'

/*
 * The LLaMA decoder (Touvron et al., 2023): norm before each block, rotary positions, grouped-query attention, SwiGLU,
 * no biases. `forward` and `backward` record one pass each; they stand in the same order as the computation, and what
 * is recomputed is a visible `if`.
 *
 * The stream x is never added to in a pass of its own: each norm adds the branch before it (sum = x + branch).
 */

export interface Pass {
  readonly model: ModelConfig
  readonly shape: PassShape
  readonly weights: FlatParameters
  readonly buffers: Buffers
  /** [≥ T, D/2] */
  readonly cos: Tensor
  readonly sin: Tensor
  /** Forward only: rotates and attends where the rows are not B sequences of T positions. */
  readonly attend?: (plan: Plan, t: { readonly qkv: Tensor; readonly y: Tensor }) => void
}

export interface BackwardPass extends Pass {
  readonly gradients: FlatParameters
  /** Add to the gradients (a later micro-batch) instead of replacing them (the first). */
  readonly accumulate: boolean
}

/** Buffer that holds the decoder's input, the embeddings [R, C]; the caller fills it. */
export function inputBuffer(pass: Pass): Tensor {
  return pass.buffers.get(layerBuffers(0, pass.shape).input)
}

/** From the input buffer to `normed`: the final hidden states after the last norm, [R, C]. */
export function forward(plan: Plan, pass: Pass): void {
  const { model, weights, buffers } = pass
  for (let l = 0; l < model.layers; l++) plan.scope(`layers.${l}`, () => forwardLayer(plan, pass, l))
  ops.rmsNorm(
    plan,
    {
      x: buffers.get(layerBuffers(model.layers - 1, pass.shape).middle),
      delta: buffers.get('branch'),
      weight: weights.get('norm'),
      sum: buffers.get('output'),
      y: buffers.get('normed'),
      rstd: buffers.get('rstd'),
    },
    { epsilon: model.normEpsilon },
  )
}

/**
 * One layer; it leaves its feed-forward branch in `branch` for the next norm to add. `again`: the pass is repeated for
 * the backward pass, so the layer's input is there already and nobody waits for its branch.
 */
function forwardLayer(plan: Plan, pass: Pass, l: number, again = false): void {
  const { model, shape, weights } = pass
  const get = (name: string) => pass.buffers.get(name)
  const weight = (name: string) => weights.get(`layers.${l}.${name}`)
  const b = layerBuffers(l, shape)
  const epsilon = model.normEpsilon
  const heads = attentionShape(pass)

  const norm1 = { weight: weight('attention.norm'), y: get(b.normed1), rstd: get(b.rstd1) }
  if (l > 0 && !again) {
    const before = layerBuffers(l - 1, shape).middle
    ops.rmsNorm(plan, { x: get(before), delta: get('branch'), sum: get(b.input), ...norm1 }, { epsilon })
  } else {
    ops.rmsNorm(plan, { x: get(b.input), ...norm1 }, { epsilon })
  }
  linear(plan, pass, { x: get(b.normed1), y: get(b.qkv) }, l, 'attention.qkv')
  if (pass.attend) pass.attend(plan, { qkv: get(b.qkv), y: get(b.attended) })
  else {
    ops.rope(plan, { x: get(b.qkv), cos: pass.cos, sin: pass.sin }, rotation(pass))
    ops.attention(plan, { qkv: get(b.qkv), y: get(b.attended), lse: get(b.lse) }, heads)
  }
  linear(plan, pass, { x: get(b.attended), y: get('branch') }, l, 'attention.out')

  ops.rmsNorm(
    plan,
    {
      x: get(b.input),
      delta: get('branch'),
      weight: weight('feedForward.norm'),
      sum: get(b.middle),
      y: get(b.normed2),
      rstd: get(b.rstd2),
    },
    { epsilon },
  )
  linear(plan, pass, { x: get(b.normed2), y: get(b.gateUp) }, l, 'feedForward.gateUp')
  ops.swiglu(plan, { gateUp: get(b.gateUp), y: get(b.gated) })
  if (again) return
  linear(plan, pass, { x: get(b.gated), y: get('branch') }, l, 'feedForward.down')
}

/**
 * From `branch`, which holds the gradient of `normed`, back to `dstream`, the gradient of the input buffer, [R, C].
 * Weight gradients go to `gradients`.
 */
export function backward(plan: Plan, pass: BackwardPass): void {
  const { model, shape, weights, gradients, buffers, accumulate } = pass
  ops.rmsNormBackward(
    plan,
    {
      dy: buffers.get('branch'),
      x: buffers.get('output'),
      weight: weights.get('norm'),
      rstd: buffers.get('rstd'),
      dx: buffers.get('dstream'),
      dweight: gradients.get('norm'),
    },
    { accumulateDx: false, accumulateDweight: accumulate },
  )
  for (let l = model.layers - 1; l >= 0; l--)
    plan.scope(`layers.${l}`, () => {
      if (shape.recompute === 'layer') plan.scope('recompute', () => forwardLayer(plan, pass, l, true))
      if (shape.recompute === 'elementwise')
        plan.scope('recompute', () => recomputeElementwise(plan, pass, l))
      backwardLayer(plan, pass, l)
    })
}

/** The norms' outputs and the gated product, again, from what was kept. */
function recomputeElementwise(plan: Plan, pass: Pass, l: number): void {
  const get = (name: string) => pass.buffers.get(name)
  const weight = (name: string) => pass.weights.get(`layers.${l}.${name}`)
  const b = layerBuffers(l, pass.shape)
  const epsilon = pass.model.normEpsilon
  ops.rmsNorm(
    plan,
    { x: get(b.input), weight: weight('attention.norm'), y: get(b.normed1), rstd: get(b.rstd1) },
    { epsilon },
  )
  ops.rmsNorm(
    plan,
    { x: get(b.middle), weight: weight('feedForward.norm'), y: get(b.normed2), rstd: get(b.rstd2) },
    { epsilon },
  )
  ops.swiglu(plan, { gateUp: get(b.gateUp), y: get(b.gated) })
}

function backwardLayer(plan: Plan, pass: BackwardPass, l: number): void {
  const { shape, weights, gradients, accumulate } = pass
  const get = (name: string) => pass.buffers.get(name)
  const weight = (name: string) => weights.get(`layers.${l}.${name}`)
  const gradient = (name: string) => gradients.get(`layers.${l}.${name}`)
  const b = layerBuffers(l, shape)
  const dstream = get('dstream')
  const intoStream = { accumulateDx: true, accumulateDweight: accumulate }
  const heads = attentionShape(pass)

  linearBackward(plan, pass, { dy: dstream, x: get(b.gated), dx: get('dgated') }, l, 'feedForward.down')
  ops.swigluBackward(plan, { gateUp: get(b.gateUp), dy: get('dgated'), dgateUp: get('dgateUp') })
  linearBackward(
    plan,
    pass,
    { dy: get('dgateUp'), x: get(b.normed2), dx: get('branch') },
    l,
    'feedForward.gateUp',
  )
  ops.rmsNormBackward(
    plan,
    {
      dy: get('branch'),
      x: get(b.middle),
      weight: weight('feedForward.norm'),
      rstd: get(b.rstd2),
      dx: dstream,
      dweight: gradient('feedForward.norm'),
    },
    intoStream,
  )

  linearBackward(plan, pass, { dy: dstream, x: get(b.attended), dx: get('dattended') }, l, 'attention.out')
  ops.attentionBackward(
    plan,
    { qkv: get(b.qkv), y: get(b.attended), dy: get('dattended'), lse: get(b.lse), dqkv: get('dqkv') },
    heads,
  )
  ops.rope(plan, { x: get('dqkv'), cos: pass.cos, sin: pass.sin }, { ...rotation(pass), inverse: true })
  linearBackward(plan, pass, { dy: get('dqkv'), x: get(b.normed1), dx: get('branch') }, l, 'attention.qkv')
  ops.rmsNormBackward(
    plan,
    {
      dy: get('branch'),
      x: get(b.input),
      weight: weight('attention.norm'),
      rstd: get(b.rstd1),
      dx: dstream,
      dweight: gradient('attention.norm'),
    },
    intoStream,
  )
}

/** y = x·Wᵀ with the weight `name` of layer l. */
function linear(plan: Plan, pass: Pass, t: { x: Tensor; y: Tensor }, l: number, name: string): void {
  const w = pass.weights.get(`layers.${l}.${name}`)
  plan.scope(name, () => ops.gemm(plan, { a: t.x, b: w, c: t.y }, { transB: true }))
}

/** For y = x·Wᵀ: dx = dy·W, dW (=|+=) dyᵀ·x. */
function linearBackward(
  plan: Plan,
  pass: BackwardPass,
  t: { dy: Tensor; x: Tensor; dx: Tensor },
  l: number,
  name: string,
): void {
  const w = pass.weights.get(`layers.${l}.${name}`)
  const dw = pass.gradients.get(`layers.${l}.${name}`)
  const { accumulate } = pass
  plan.scope(`${name} dx`, () => ops.gemm(plan, { a: t.dy, b: w, c: t.dx }))
  plan.scope(`${name} dW`, () => ops.gemm(plan, { a: t.dy, b: t.x, c: dw }, { transA: true, accumulate }))
}

function attentionShape({ model, shape }: Pass): ops.AttentionShape {
  return { heads: model.heads, kvHeads: model.kvHeads, headDim: model.headDim, positions: shape.positions }
}

/** Queries and keys are rotated, values are not. */
function rotation({ model, shape }: Pass): { heads: number; headDim: number; positions: number } {
  return { heads: model.heads + model.kvHeads, headDim: model.headDim, positions: shape.positions }
}
