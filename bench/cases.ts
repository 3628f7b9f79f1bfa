// Every op at the sizes of a small model: R = 2048 rows, C 256 or 512 wide, with the vocabulary of a byte or
// character model (512) and of LLaMA-2 (32,000).
import { bf16, f32, f64, ids, losses, scalar, small, type Case, type CaseTensor } from './case.js'

const R = 2048
const D = 64
const widths = [
  { C: 256, F: 688 },
  { C: 512, F: 1376 },
]

const make = (
  op: string,
  shape: string,
  tensors: Record<string, CaseTensor>,
  params: Record<string, number> = {},
): Case => ({ op, shape, tensors, params })

/** The three products of a linear layer with weight [out, in]: y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x. */
function linear(name: string, rows: number, inputs: number, outputs: number): Case[] {
  const sizes = `${rows}×${outputs}×${inputs}`
  const [x, w, y] = [f32(rows, inputs), f32(outputs, inputs), f32(rows, outputs)]
  const gemm = (
    which: string,
    a: CaseTensor,
    b: CaseTensor,
    c: CaseTensor,
    trans_a: number,
    trans_b: number,
  ) => make('gemm', `${name} ${which} ${sizes}`, { a, b, c }, { trans_a, trans_b, accumulate: 0 })
  return [gemm('y', x, w, y, 0, 1), gemm('dx', y, w, x, 0, 0), gemm('dW', y, x, w, 1, 0)]
}

const headRows = 512 // the loss is computed in chunks of rows
const gemms = [
  ...widths.flatMap(({ C, F }) => [
    ...linear('qkv', R, C, 3 * C),
    ...linear('gate_up', R, C, 2 * F),
    ...linear('down', R, F, C),
    ...linear('head', headRows, C, 32_000),
  ]),
  ...linear('head', R, 256, 512),
]

function attention(B: number, T: number, H: number, G: number): Case[] {
  const shape = `B${B} T${T} H${H} G${G} D${D}`
  const packed = f32(B * T, (H + 2 * G) * D)
  const rows = f32(B * T, H * D)
  const lse = small(0, B * H, T)
  const params = { heads: H, kv_heads: G, head_dim: D, positions: T }
  return [
    make('attention', shape, { qkv: packed, y: rows, lse }, params),
    make('attention_backward', shape, { qkv: packed, y: rows, dy: rows, lse, dqkv: packed }, params),
  ]
}

function rotary(B: number, T: number, H: number): Case {
  const angles = f32(T, D / 2)
  return make(
    'rope',
    `B${B} T${T} H${H} D${D}`,
    { x: f32(B * T, 3 * H * D), cos: angles, sin: angles },
    { heads: 2 * H, head_dim: D, positions: T, inverse: 0 },
  )
}

function normalisation(C: number): Case[] {
  const [rows, weight, rstd] = [f32(R, C), f32(C), f32(R)]
  const forward = { x: rows, weight, y: rows, rstd }
  const accumulate = { accumulate_dx: 1, accumulate_dweight: 0 }
  return [
    make('rms_norm', `${R}×${C}`, forward, { eps: 1e-5 }),
    make('rms_norm', `${R}×${C} + delta`, { ...forward, delta: rows, sum: rows }, { eps: 1e-5 }),
    make(
      'rms_norm_backward',
      `${R}×${C} dx +=`,
      { dy: rows, x: rows, weight, rstd, dx: small(0.1, R, C), dweight: weight },
      accumulate,
    ),
  ]
}

function gated(F: number): Case[] {
  const both = f32(R, 2 * F)
  return [
    make('swiglu', `${R}×${F}`, { gate_up: both, y: f32(R, F) }),
    make('swiglu_backward', `${R}×${F}`, { gate_up: both, dy: f32(R, F), dgate_up: both }),
  ]
}

function embedding(V: number, C: number, K: number): Case[] {
  const shape = `V${V} C${C} K${K}`
  const tokens = ids(V, 8, (R / 8) * K)
  return [
    make('patch_embedding', shape, { ids: tokens, table: f32(V, C), y: f32(R, C) }, { patch: K }),
    make(
      'patch_embedding_backward',
      shape,
      { ids: tokens, dy: f32(R, C), dtable: f32(V, C) },
      { patch: K, accumulate: 0 },
    ),
  ]
}

function loss(rows: number, V: number, K: number): Case {
  const T = 256
  return make(
    'cross_entropy',
    `${rows}×${V} K${K}`,
    { logits: f32(rows, V), ids: ids(V, R / T, T * K), loss: losses(rows), scale: f64(1 / R) },
    { first_row: 0, positions: T, patch: K, gradient: 1 },
  )
}

const parameters = 3_290_000 // of the model of 256 wide and 4 layers, without its embedding
const flat = f32(parameters)
const optimiser = [
  make('grad_norm', `n ${parameters}`, { gradient: flat, result: f64(0, 0, 0) }, { max_norm: 1 }),
  make(
    'adamw',
    `n ${parameters}`,
    {
      weight: flat,
      gradient: small(0.01, parameters),
      m: small(0.01, parameters),
      v: small(0, parameters),
      step: f64(3e-4, 0.1, 0.05),
      clip: f64(2, 0.5, 1),
    },
    { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 },
  ),
]

const helpers = [
  make('fill', `n ${parameters}`, { y: flat }, { value: 0 }),
  make('fill_normal', `n ${parameters}`, { y: flat }, { seed_low: 1, seed_high: 0, stream: 0, std: 0.02 }),
  make('copy', `n ${parameters}`, { x: flat, y: flat }),
  make('add', `n ${parameters}`, { x: small(0.01, parameters), y: flat }),
  make('convert', `n ${parameters}`, { x: flat, y: bf16(parameters) }),
  make('sum_loss', `n ${R}`, { loss: losses(R), total: f64(0) }, { accumulate: 0 }),
]

function generation(P: number, H: number): Case[] {
  const [cache, qkv, position] = [f32(2, P, H * D), f32(1, 3 * H * D), scalar(P - 1)]
  const heads = { heads: H, kv_heads: H, head_dim: D }
  return [
    make('kv_append', `P${P} H${H} D${D}`, { qkv, cache, position }, heads),
    make('cached_attention', `P${P} H${H} D${D}`, { qkv, cache, y: f32(1, H * D), position }, heads),
  ]
}

function sampling(name: string, temperature: number, top_k: number, top_p: number): Case {
  return make(
    'sample',
    `V32000 ${name}`,
    { logits: small(3, 32_000), token: scalar(0), counter: scalar(0) },
    { seed_low: 1, seed_high: 0, temperature, top_k, top_p },
  )
}

export const cases: readonly Case[] = [
  ...gemms,
  ...attention(8, 256, 4, 4),
  ...attention(2, 1024, 8, 8),
  ...attention(2, 1024, 8, 2),
  ...attention(1, 1024, 2, 1),
  rotary(8, 256, 4),
  ...widths.flatMap(({ C }) => normalisation(C)),
  ...widths.flatMap(({ F }) => gated(F)),
  ...embedding(512, 256, 1),
  ...embedding(512, 256, 4),
  ...embedding(32_000, 512, 4),
  loss(R, 512, 1),
  loss(headRows, 32_000, 1),
  loss(headRows, 32_000, 4),
  ...optimiser,
  ...helpers,
  ...generation(1024, 8),
  make(
    'repetition_penalty',
    'V32000',
    { logits: small(3, 32_000), seen: ids(2, 32_000) },
    { penalty: 1 }, // another one would drive the logits to zero, run by run
  ),
  sampling('temperature 0', 0, 0, 1),
  sampling('top-p 0.95', 0.8, 0, 0.95),
  sampling('top-k 50', 0.8, 50, 1),
]
