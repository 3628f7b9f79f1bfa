import type { ModelConfig } from '../config/types.js'

/**
 * One parameter inside the flat region of all weights. Gradients and the optimizer's m and v lie in regions of
 * the same layout, so clipping, AdamW and checkpoints are flat loops over ranges.
 */
export interface Parameter {
  /** Name inside a run: `layers.3.attention.qkv`. */
  readonly name: string
  readonly shape: readonly number[]
  /** First element in the flat region. */
  readonly offset: number
  readonly size: number
  /** Weight decay applies: matrices and embeddings yes, norm weights no. */
  readonly decay: boolean
}

export interface ParameterTable {
  readonly parameters: readonly Parameter[]
  /** Elements of the flat region. */
  readonly size: number
  /** Elements that are decayed; they come first, so decayed and undecayed are one range each. */
  readonly decayed: number
  get(name: string): Parameter
}

/** Parameters of the model without the padding between them. */
export function countParameters(model: ModelConfig): number {
  return parameterTable(model).parameters.reduce((n, p) => n + p.size, 0)
}

/**
 * The layout of all weights. Matrices are [out, in]. Query, key and value rows are packed into one matrix, gate and
 * up rows into another, so that each is one product; an exporter cuts them apart by rows.
 */
export function parameterTable(model: ModelConfig): ParameterTable {
  const { vocabSize: V, width: C, feedForward: F, layers: L, heads: H, kvHeads: G, headDim: D } = model
  const matrices: [string, number[]][] = [['embedding', [V, C]]]
  const norms: [string, number[]][] = []
  for (let l = 0; l < L; l++) {
    matrices.push(
      [`layers.${l}.attention.qkv`, [(H + 2 * G) * D, C]],
      [`layers.${l}.attention.out`, [C, H * D]],
      [`layers.${l}.feedForward.gateUp`, [2 * F, C]],
      [`layers.${l}.feedForward.down`, [C, F]],
    )
    norms.push([`layers.${l}.attention.norm`, [C]], [`layers.${l}.feedForward.norm`, [C]])
  }
  norms.push(['norm', [C]])
  if (!model.tiedHead) matrices.push(['head', [V, C]])

  const parameters: Parameter[] = []
  let offset = 0
  const place = (entries: [string, number[]][], decay: boolean) => {
    for (const [name, shape] of entries) {
      const size = shape.reduce((a, b) => a * b, 1)
      parameters.push({ name, shape, offset, size, decay })
      offset += Math.ceil(size / alignment) * alignment
    }
  }
  place(matrices, true)
  const decayed = offset
  place(norms, false)

  const byName = new Map(parameters.map((p) => [p.name, p]))
  return {
    parameters,
    size: offset,
    decayed,
    get(name) {
      const parameter = byName.get(name)
      if (!parameter) throw new RangeError(`no parameter named ${name}`)
      return parameter
    },
  }
}

/** Every parameter starts on a cache line: 16 elements of 4 bytes. The padding stays zero for ever. */
const alignment = 16
