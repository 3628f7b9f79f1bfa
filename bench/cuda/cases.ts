// The rows of the CUDA benchmark at given sizes. B sequences · T positions · R = B·T rows · K patch size · C width ·
// H heads · D head dim · F feed-forward width · V vocabulary.
import { brain, f32, f64, ids, losses, small, type CaseTensor } from '../case.js'
import type { Command, CudaCase, Section } from './case.js'
import { patches, type CudaSizes } from './sizes.js'

export function cudaCases(sizes: CudaSizes): CudaCase[] {
  const { main } = sizes
  const others = Object.keys(sizes.presets).filter((preset) => !main.includes(preset))
  return [
    ...sizes.attention.flatMap(attention),
    ...main.flatMap((preset) => products(sizes, preset)),
    ...main.flatMap((preset) => rowKernels(sizes, preset)),
    ...main.flatMap((preset) => patches.map((K) => head(sizes, preset, K))),
    ...patches.map((K) => loss(sizes, K)),
    ...optimizer(sizes),
    ...patches.flatMap((K) => embedding(sizes, K)),
    ...others.flatMap((preset) => products(sizes, preset)),
  ]
}

/** An op alone: its slots are the tensors. */
function single(
  section: Section,
  name: string,
  op: string,
  tensors: Record<string, CaseTensor>,
  params: Record<string, number>,
  dims: Record<string, number>,
): CudaCase {
  const slots = Object.fromEntries(Object.keys(tensors).map((slot) => [slot, slot]))
  const bound = section === 'gemm' || section === 'attention' ? 'products' : 'bytes'
  return { section, name, dims, bound, tensors, commands: [{ op, tensors: slots, params }] }
}

/** The three products of every linear layer [out, in]: y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x (fp32, as training wants it). */
function products({ presets, rows: R, vocabulary: V }: CudaSizes, preset: string): CudaCase[] {
  const { width: C, feedForward: F } = presets[preset]!
  const layers: [string, number, number][] = [
    ['qkv', 3 * C, C],
    ['out', C, C],
    ['gate_up', 2 * F, C],
    ['down', C, F],
    ['head', V, C],
  ]
  return layers.flatMap(([layer, outputs, inputs]) => {
    const [x, w, y] = [brain(R, inputs), brain(outputs, inputs), brain(R, outputs)]
    const product = (
      what: string,
      a: CaseTensor,
      b: CaseTensor,
      c: CaseTensor,
      trans_a: number,
      trans_b: number,
    ) =>
      single(
        'gemm',
        `${preset} ${layer} ${what}`,
        'gemm',
        { a, b, c },
        { trans_a, trans_b, accumulate: 0 },
        { R, outputs, inputs },
      )
    return [
      product('y', x, w, y, 0, 1),
      product('dx', y, w, x, 0, 0),
      product('dW', y, x, f32(outputs, inputs), 1, 0),
    ]
  })
}

function attention({ D, H, B, T }: CudaSizes['attention'][number]): CudaCase[] {
  const [packed, rows, lse] = [brain(B * T, 3 * H * D), brain(B * T, H * D), f32(B * H, T)]
  const params = { heads: H, kv_heads: H, head_dim: D, positions: T }
  const dims = { B, T, H, D }
  const forward: Command = { op: 'attention', tensors: { qkv: 'qkv', y: 'y', lse: 'lse' }, params }
  const tensors = { qkv: packed, y: rows, lse }
  return [
    single('attention', `attention forward D${D} T${T}`, 'attention', tensors, params, dims),
    {
      // lse must be that of qkv, or probabilities recomputed from it overflow: the forward pass comes first, untimed.
      ...single(
        'attention',
        `attention backward D${D} T${T}`,
        'attention_backward',
        { ...tensors, dy: rows, dqkv: packed },
        params,
        dims,
      ),
      prepare: [forward],
    },
  ]
}

function rowKernels({ presets, rows: R, positions: T }: CudaSizes, preset: string): CudaCase[] {
  const { width: C, feedForward: F, heads: H } = presets[preset]!
  const D = C / H
  const [x, weight, rstd, angles, gateUp] = [brain(R, C), brain(C), f32(R), f32(T, D / 2), brain(R, 2 * F)]
  const norm = { x, weight, rstd }
  const row = (
    name: string,
    op: string,
    tensors: Record<string, CaseTensor>,
    params: Record<string, number> = {},
  ) => single('fused', `${preset} ${name}`, op, tensors, params, { R, C, F, T, H, D })
  return [
    row('add + rms_norm', 'rms_norm', { ...norm, delta: x, sum: x, y: x }, { eps: 1e-5 }),
    row(
      'rms_norm backward',
      'rms_norm_backward',
      { ...norm, dy: x, dx: x, dweight: f32(C) },
      { accumulate_dx: 1, accumulate_dweight: 0 },
    ),
    row('swiglu', 'swiglu', { gate_up: gateUp, y: brain(R, F) }),
    row('swiglu backward', 'swiglu_backward', { gate_up: gateUp, dy: brain(R, F), dgate_up: gateUp }),
    row(
      'rope',
      'rope',
      { x: brain(R, 3 * C), cos: angles, sin: angles },
      { heads: 2 * H, head_dim: D, positions: T, inverse: 0 },
    ),
  ]
}

/** Head and loss, forward and backward, in chunks of rows as the trainer does them. */
function head(
  { presets, vocabulary: V, rows: R, positions: T, logitsRows }: CudaSizes,
  preset: string,
  K: number,
): CudaCase {
  const C = presets[preset]!.width
  const commands: Command[] = []
  for (let first = 0; first < R; first += logitsRows) {
    const [hidden, dhidden, chunk] = ['hidden', 'dhidden', 'loss'].map((tensor) => ({
      tensor,
      rows: [first, first + logitsRows] as const,
    }))
    const product = (
      a: Command['tensors'][string],
      b: Command['tensors'][string],
      c: Command['tensors'][string],
    ) => ({
      op: 'gemm',
      tensors: { a, b, c },
    })
    commands.push(
      { ...product(hidden!, 'weight', 'logits'), params: { trans_a: 0, trans_b: 1, accumulate: 0 } },
      {
        op: 'cross_entropy',
        tensors: { logits: 'logits', ids: 'ids', loss: chunk!, scale: 'scale' },
        params: { first_row: first, positions: T, patch: K, gradient: 1 },
      },
      { ...product('logits', 'weight', dhidden!), params: { trans_a: 0, trans_b: 0, accumulate: 0 } },
      {
        ...product('logits', hidden!, 'dweight'),
        params: { trans_a: 1, trans_b: 0, accumulate: first > 0 ? 1 : 0 },
      },
    )
  }
  const tensors = {
    hidden: brain(R, C),
    weight: { ...brain(V, C), filling: { normal: 0.02 } }, // so that logits are of the size of a trained model's
    logits: brain(logitsRows, V),
    ids: ids(V, R / T, T * K),
    loss: losses(R),
    scale: f64(1 / R),
    dhidden: brain(R, C),
    dweight: f32(V, C),
  }
  return {
    section: 'head',
    name: `${preset} head K${K}`,
    dims: { R, C, V, K },
    bound: 'products',
    tensors,
    commands,
  }
}

/** The loss alone. It replaces the logits by their gradient, so all but the first of its runs see small numbers. */
function loss({ vocabulary: V, logitsRows: R, positions: T }: CudaSizes, K: number): CudaCase {
  return single(
    'head',
    `cross_entropy K${K}`,
    'cross_entropy',
    { logits: brain(R, V), ids: ids(V, R / T, T * K), loss: losses(R), scale: f64(1) },
    { first_row: 0, positions: T, patch: K, gradient: 1 },
    { R, V, K },
  )
}

function embedding(
  { presets, main, vocabulary: V, rows: R, positions: T }: CudaSizes,
  K: number,
): CudaCase[] {
  const preset = main[0]!
  const C = presets[preset]!.width
  const tokens = ids(V, R / T, T * K)
  const row = (
    name: string,
    op: string,
    tensors: Record<string, CaseTensor>,
    params: Record<string, number>,
  ) =>
    single(
      'embedding',
      `${preset} ${name} K${K}`,
      op,
      { ids: tokens, ...tensors },
      { patch: K, ...params },
      { R, C, V, K },
    )
  return [
    row('embedding', 'patch_embedding', { table: brain(V, C), y: brain(R, C) }, {}),
    row(
      'embedding backward',
      'patch_embedding_backward',
      { dy: brain(R, C), dtable: f32(V, C) },
      { accumulate: 0 },
    ),
  ]
}

function optimizer({ flat: n }: CudaSizes): CudaCase[] {
  const tensors = {
    weight: f32(n),
    gradient: small(0.01, n),
    m: small(0.01, n),
    v: small(0, n),
    step: f64(3e-4, 0.1, 0.05),
    clip: f64(2, 0.5, 1),
    rounded: brain(n),
  }
  const norm: Command = {
    op: 'grad_norm',
    tensors: { gradient: 'gradient', result: 'clip' },
    params: { max_norm: 1 },
  }
  const update: Command = {
    op: 'adamw',
    tensors: Object.fromEntries(Object.keys(tensors).map((name) => [name, name])),
    params: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 },
  }
  const row = (name: string, commands: Command[]): CudaCase => {
    const used = new Set(commands.flatMap((command) => Object.values(command.tensors)))
    const own = Object.fromEntries(Object.entries(tensors).filter(([tensor]) => used.has(tensor)))
    return { section: 'optimizer', name, dims: { n }, bound: 'bytes', tensors: own, commands }
  }
  return [row('grad_norm', [norm]), row('adamw', [update]), row('clip + adamw', [norm, update])]
}
