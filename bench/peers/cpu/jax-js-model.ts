import type { Jax, JaxArray, JaxArrays } from './jax-js-api.js'

export interface JaxModel {
  readonly B: number
  readonly T: number
  readonly C: number
  readonly L: number
  readonly H: number
  readonly V: number
}

/**
 * The mean loss of the model of llama.py for K = 1, as a function of the weights by our names.
 * @param ids [B, T]
 */
export function jaxLoss(
  { numpy: np, nn }: Jax,
  { B, T, C, L, H, V }: JaxModel,
  ids: Int32Array,
): (weights: JaxArrays) => JaxArray {
  const D = C / H
  const tokens = np.array(ids, { shape: [B, T], dtype: np.int32 })
  const past = np.tri(T).equal(1)
  const cos = angles(Math.cos)
  const sin = angles(Math.sin)

  /** [T, 1, D] */
  function angles(f: (angle: number) => number): JaxArray {
    const angle = (t: number, d: number) => t / 10_000 ** ((2 * (d % (D / 2))) / D)
    const values = Float32Array.from({ length: T * D }, (_, i) => f(angle(Math.floor(i / D), i % D)))
    return np.array(values, { shape: [T, 1, D] })
  }

  const linear = (x: JaxArray, weight: JaxArray) => np.matmul(x, weight.transpose())

  function rmsNorm(x: JaxArray, weight: JaxArray): JaxArray {
    const meanSquare = x.ref.mul(x.ref).mean(-1, { keepdims: true })
    return x.mul(np.reciprocal(np.sqrt(meanSquare.add(1e-5)))).mul(weight)
  }

  function rotate(x: JaxArray): JaxArray {
    const [low, high] = np.split(x.ref, 2, -1) as [JaxArray, JaxArray]
    return x.mul(cos.ref).add(np.concatenate([high.neg(), low], -1).mul(sin.ref))
  }

  /** By hand: the package's own attention wants the iterator helpers of Node 22. */
  function attention(qkv: JaxArray): JaxArray {
    const parts = np.split(qkv, 3, -1).map((part) => part.reshape([B, T, H, D]))
    const [q, k, v] = parts as [JaxArray, JaxArray, JaxArray]
    const heads = (x: JaxArray) => x.transpose([0, 2, 1, 3]) // [B, T, H, D] and [B, H, T, D] into each other
    const scores = np.matmul(heads(rotate(q)), rotate(k).transpose([0, 2, 3, 1])).mul(D ** -0.5)
    const shares = nn.softmax(np.where(past.ref, scores, -1e9), -1)
    return heads(np.matmul(shares, heads(v))).reshape([B * T, C])
  }

  function feedForward(gateUp: JaxArray): JaxArray {
    const [gate, up] = np.split(gateUp, 2, -1) as [JaxArray, JaxArray]
    return nn.silu(gate).mul(up)
  }

  return (weights) => {
    const weight = (name: string) => weights[name]!
    let x = np.take(weight('embedding'), tokens.ref.reshape([B * T]), 0)
    for (let layer = 0; layer < L; layer++) {
      const of = (name: string) => weight(`layers.${layer}.${name}`)
      const qkv = linear(rmsNorm(x.ref, of('attention.norm')), of('attention.qkv'))
      x = x.add(linear(attention(qkv), of('attention.out')))
      const gateUp = linear(rmsNorm(x.ref, of('feedForward.norm')), of('feedForward.gateUp'))
      x = x.add(linear(feedForward(gateUp), of('feedForward.down')))
    }
    const scored = B * (T - 1)
    const hidden = rmsNorm(x, weight('norm'))
      .reshape([B, T, C])
      .slice([], [0, T - 1], [])
    const logits = linear(hidden.reshape([scored, C]), weight('head'))
    // One-hot rows, because the gradient of takeAlongAxis does not go through jit.
    const labels = nn.oneHot(tokens.ref.slice([], [1]).reshape([scored]), V)
    return nn
      .logSoftmax(logits, -1)
      .mul(labels)
      .sum()
      .mul(-1 / scored)
  }
}
