import type { ModelConfig, RunConfig } from '../config/types.js'
import type { LayoutBuilder, LayoutType } from '../tensor/layout.js'

export type Recompute = RunConfig['recompute']

/** The shape of one pass of the decoder. */
export interface PassShape {
  /** B */
  readonly sequences: number
  /** T */
  readonly positions: number
  /** `train` keeps what the backward pass needs, `evaluate` does not. */
  readonly mode: 'train' | 'evaluate'
  readonly recompute: Recompute
}

/** Names of the buffers of layer l, and which of them every layer shares. */
export interface LayerBuffers {
  readonly input: string
  readonly normed1: string
  readonly rstd1: string
  readonly qkv: string
  readonly attended: string
  readonly lse: string
  readonly middle: string
  readonly normed2: string
  readonly rstd2: string
  readonly gateUp: string
  readonly gated: string
}

/**
 * The buffers of layer `l`. A name with the layer's number belongs to that layer until its backward pass; a name
 * without is used by one layer after the other. Which is which is the whole meaning of `recompute`.
 */
export function layerBuffers(l: number, shape: PassShape): LayerBuffers {
  const { mode, recompute } = shape
  const own = (name: string) => `layers.${l}.${name}`
  const shared = (name: string) => `layer.${name}`
  const kept = mode === 'train' && recompute !== 'layer' ? own : shared
  const cheap = mode === 'train' && recompute === 'none' ? own : shared
  return {
    input: mode === 'train' ? own('input') : shared('input'),
    normed1: cheap('normed1'),
    rstd1: kept('rstd1'),
    qkv: kept('qkv'),
    attended: kept('attended'),
    lse: kept('lse'),
    middle: kept('middle'),
    normed2: cheap('normed2'),
    rstd2: kept('rstd2'),
    gateUp: kept('gateUp'),
    gated: cheap('gated'),
  }
}

/** Places the decoder's buffers for one pass: first those of the layers, then what the layers share. */
export function addDecoderBuffers(layout: LayoutBuilder, model: ModelConfig, shape: PassShape): void {
  const { width: C, feedForward: F, heads: H, kvHeads: G, headDim: D, layers: L } = model
  const { sequences: B, positions: T } = shape
  const R = B * T
  const placed = new Set<string>()
  const place = (name: string, type: LayoutType, dims: number[]) => {
    if (placed.has(name)) return
    placed.add(name)
    layout.add(name, type, ...dims)
  }
  const add = (name: string, ...dims: number[]) => place(name, 'compute', dims)
  const addStatistic = (name: string, ...dims: number[]) => place(name, 'f32', dims)
  for (let l = 0; l < L; l++) {
    const names = layerBuffers(l, shape)
    add(names.input, R, C)
    add(names.normed1, R, C)
    addStatistic(names.rstd1, R)
    add(names.qkv, R, (H + 2 * G) * D)
    add(names.attended, R, H * D)
    addStatistic(names.lse, B * H, T)
    add(names.middle, R, C)
    add(names.normed2, R, C)
    addStatistic(names.rstd2, R)
    add(names.gateUp, R, 2 * F)
    add(names.gated, R, F)
  }
  add('output', R, C)
  add('normed', R, C)
  addStatistic('rstd', R)
  add('branch', R, C) // what a block adds to the stream; its gradient on the way back
}

/** Gradients that live between a layer's products; every layer uses the same ones. */
export function addBackwardBuffers(layout: LayoutBuilder, model: ModelConfig, shape: PassShape): void {
  const { feedForward: F, heads: H, kvHeads: G, headDim: D } = model
  const R = shape.sequences * shape.positions
  layout.overlay(
    (feedForward) => feedForward.add('dgated', 'compute', R, F).add('dgateUp', 'compute', R, 2 * F),
    (attention) => attention.add('dattended', 'compute', R, H * D).add('dqkv', 'compute', R, (H + 2 * G) * D),
  )
}
