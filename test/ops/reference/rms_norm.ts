import { exact, type Numbers, type Round } from './precision.js'

export interface Normalised {
  sum: Float64Array // [R, C]
  y: Float64Array // [R, C]
  rstd: Float64Array // [R]
}

/** x, delta [R, C], weight [C] */
export function rmsNorm(
  x: Numbers,
  delta: Numbers | undefined,
  weight: Numbers,
  eps: number,
  round: Round = exact,
): Normalised {
  const C = weight.length
  const R = x.length / C
  const sum = new Float64Array(R * C)
  const y = new Float64Array(R * C)
  const rstd = new Float64Array(R)
  for (let r = 0; r < R; r++) {
    let squares = 0
    for (let i = r * C; i < (r + 1) * C; i++) {
      sum[i] = delta ? round(x[i]! + delta[i]!) : x[i]!
      squares = round(squares + round(sum[i]! * sum[i]!))
    }
    rstd[r] = round(1 / round(Math.sqrt(round(round(squares / C) + eps))))
    for (let j = 0; j < C; j++) y[r * C + j] = round(round(sum[r * C + j]! * rstd[r]!) * weight[j]!)
  }
  return { sum, y, rstd }
}

/** dy, x [R, C], weight [C], rstd [R] → dx [R, C], dweight [C] */
export function rmsNormBackward(
  dy: Numbers,
  x: Numbers,
  weight: Numbers,
  rstd: Numbers,
  round: Round = exact,
): { dx: Float64Array; dweight: Float64Array } {
  const C = weight.length
  const R = x.length / C
  const dx = new Float64Array(R * C)
  const dweight = new Float64Array(C)
  for (let r = 0; r < R; r++) {
    const scale = rstd[r]!
    let mean = 0
    for (let j = 0; j < C; j++) {
      const i = r * C + j
      mean = round(mean + round(round(weight[j]! * dy[i]!) * x[i]!))
      dweight[j] = round(dweight[j]! + round(round(dy[i]! * x[i]!) * scale))
    }
    mean = round(mean / C)
    for (let j = 0; j < C; j++) {
      const i = r * C + j
      const pull = round(round(x[i]! * round(scale * scale)) * mean)
      dx[i] = round(scale * round(round(weight[j]! * dy[i]!) - pull))
    }
  }
  return { dx, dweight }
}
