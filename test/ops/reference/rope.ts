import { exact, type Numbers, type Round } from './precision.js'

export interface Rotation {
  readonly heads: number
  readonly headDim: number
  readonly positions: number
  readonly first?: number
  readonly inverse?: boolean
}

/** x [R, W], cos and sin [P, D/2] → x with its first heads rotated */
export function rope(
  x: Numbers,
  W: number,
  cos: Numbers,
  sin: Numbers,
  { heads, headDim, positions, first = 0, inverse = false }: Rotation,
  round: Round = exact,
): Float64Array {
  const y = Float64Array.from(x)
  const half = headDim / 2
  for (let r = 0; r < y.length / W; r++)
    for (let h = 0; h < heads; h++)
      for (let d = 0; d < half; d++) {
        const at = r * W + h * headDim + d
        const entry = (first + (r % positions)) * half + d
        const s = inverse ? -sin[entry]! : sin[entry]!
        y[at] = round(round(x[at]! * cos[entry]!) - round(x[at + half]! * s))
        y[at + half] = round(round(x[at + half]! * cos[entry]!) + round(x[at]! * s))
      }
  return y
}

/** cos and sin of p · theta^(−2d/D), as fp32 tables [P, D/2]. */
export function ropeTables(P: number, headDim: number, theta = 10_000) {
  const half = headDim / 2
  const angle = (_: unknown, i: number) => Math.floor(i / half) * theta ** ((-2 * (i % half)) / headDim)
  const angles = Array.from({ length: P * half }, angle)
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) }
}
