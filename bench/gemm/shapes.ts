import type { Task } from '../peers/cpu/protocol.js'

/** C [m, n] = op(A)·op(B). */
export interface Shape {
  /** `C512 gate_up dx 2048×512×2752`, the last three being m, n and k. */
  readonly name: string
  readonly m: number
  readonly n: number
  readonly k: number
  readonly transA: 0 | 1
  readonly transB: 0 | 1
}

const R = 2048
const headRows = 512 // the loss is computed in chunks of rows
const V = 32_000
const widths = [
  { C: 256, F: 688 },
  { C: 512, F: 1376 },
  { C: 1024, F: 2752 },
]

/** The three products of a layer with weight [outputs, inputs]: y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x. */
function linear(layer: string, rows: number, outputs: number, inputs: number): Shape[] {
  const product = (which: string, m: number, n: number, k: number, transA: 0 | 1, transB: 0 | 1): Shape => ({
    name: `${layer} ${which} ${m}×${n}×${k}`,
    ...{ m, n, k, transA, transB },
  })
  return [
    product('y', rows, outputs, inputs, 0, 1),
    product('dx', rows, inputs, outputs, 0, 0),
    product('dW', outputs, inputs, rows, 1, 0),
  ]
}

/** The products of a training step. */
export const shapes: readonly Shape[] = widths.flatMap(({ C, F }) => [
  ...linear(`C${C} qkv`, R, 3 * C, C),
  ...linear(`C${C} gate_up`, R, 2 * F, C),
  ...linear(`C${C} down`, R, C, F),
  ...linear(`C${C} head`, headRows, V, C),
])

export const flopsOf = ({ m, n, k }: Shape) => 2 * m * n * k

/** FLOPs of one turn: enough to be timed, few enough to take many turns. */
const turnFlops = 8e9

export function taskOf(shape: Shape, threads: number, inputs: string): Task {
  const { m, n, k, transA, transB } = shape
  return {
    work: 'product',
    dims: { m, n, k, transA, transB },
    threads,
    warmUps: 1,
    repeats: Math.ceil(turnFlops / flopsOf(shape)),
    inputs,
  }
}
