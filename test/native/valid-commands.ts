/** Dimensions that a whole family of commands is made from: see the vocabulary in docs/architecture.md. */
export interface Dimensions {
  B: number
  T: number
  K: number
  C: number
  G: number
  /** H = G · group */
  group: number
  D: number
  F: number
  V: number
}

/** Shapes of every tensor and values of every parameter that an op accepts, for each op. */
export function validCommands(
  d: Dimensions,
): Record<string, { shapes: Record<string, number[]>; params: Record<string, number> }> {
  const { B, T, K, C, G, D, F, V } = d
  const R = B * T
  const H = G * d.group
  const packed = (H + 2 * G) * D
  const heads = { heads: H, kv_heads: G, head_dim: D }
  const seed = { seed_low: 1, seed_high: 2 }
  return {
    fill: { shapes: { y: [R, C] }, params: { value: 1 } },
    fill_normal: { shapes: { y: [R, C] }, params: { ...seed, stream: 3, std: 0.5 } },
    copy: { shapes: { x: [R], y: [R, 1] }, params: {} },
    add: { shapes: { x: [R, C], y: [R, C] }, params: {} },
    convert: { shapes: { x: [R, C], y: [R, C] }, params: {} },
    gemm: { shapes: { a: [R, C], b: [F, C], c: [R, F] }, params: { trans_a: 0, trans_b: 1, accumulate: 1 } },
    patch_embedding: { shapes: { ids: [B, T * K], table: [V, C], y: [R, C] }, params: { patch: K } },
    patch_embedding_backward: {
      shapes: { ids: [B, T * K], dy: [R, C], dtable: [V, C] },
      params: { patch: K, accumulate: 0 },
    },
    rms_norm: {
      shapes: { x: [R, C], delta: [R, C], weight: [C], sum: [R, C], y: [R, C], rstd: [R] },
      params: { eps: 1e-5 },
    },
    rms_norm_backward: {
      shapes: { dy: [R, C], x: [R, C], weight: [C], rstd: [R], dx: [R, C], dweight: [C] },
      params: { accumulate_dx: 1, accumulate_dweight: 0 },
    },
    rope: {
      shapes: { x: [R, packed], cos: [T, D / 2], sin: [T, D / 2], position: [1] },
      params: { heads: H + G, head_dim: D, positions: T, inverse: 0 },
    },
    attention: {
      shapes: { qkv: [R, packed], y: [R, H * D], lse: [B * H, T] },
      params: { ...heads, positions: T },
    },
    attention_backward: {
      shapes: { qkv: [R, packed], y: [R, H * D], dy: [R, H * D], lse: [B * H, T], dqkv: [R, packed] },
      params: { ...heads, positions: T },
    },
    swiglu: { shapes: { gate_up: [R, 2 * F], y: [R, F] }, params: {} },
    swiglu_backward: { shapes: { gate_up: [R, 2 * F], dy: [R, F], dgate_up: [R, 2 * F] }, params: {} },
    cross_entropy: {
      shapes: { logits: [R, V], ids: [B, T * K], loss: [R], scale: [1] },
      params: { first_row: 0, positions: T, patch: K, gradient: 1 },
    },
    sum_loss: { shapes: { loss: [R], total: [1] }, params: { accumulate: 1 } },
    grad_norm: {
      shapes: { gradient: [R, C], result: [3], loss: [1], limits: [2] },
      params: { max_norm: 1 },
    },
    adamw: {
      shapes: { weight: [C], gradient: [C], m: [C], v: [C], step: [3], clip: [3], rounded: [C] },
      params: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1 },
    },
    kv_append: { shapes: { qkv: [T, packed], cache: [2, T + 3, G * D], position: [1] }, params: heads },
    cached_attention: {
      shapes: { qkv: [T, packed], cache: [2, T + 3, G * D], y: [T, H * D], position: [1] },
      params: heads,
    },
    repetition_penalty: { shapes: { logits: [V], seen: [V] }, params: { penalty: 1.2 } },
    sample: {
      shapes: { logits: [V], token: [1], counter: [1] },
      params: { ...seed, temperature: 0.7, top_k: 3, top_p: 0.9 },
    },
  }
}
