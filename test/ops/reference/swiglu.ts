import { exact, type Numbers, type Round } from './precision.js'

const sigmoid = (x: number, round: Round) => round(1 / round(1 + round(Math.exp(-x))))

/** gate_up [R, 2F] → y [R, F] */
export function swiglu(gateUp: Numbers, R: number, F: number, round: Round = exact): Float64Array {
  const y = new Float64Array(R * F)
  for (let r = 0; r < R; r++)
    for (let j = 0; j < F; j++) {
      const gate = gateUp[r * 2 * F + j]!
      const up = gateUp[r * 2 * F + F + j]!
      y[r * F + j] = round(round(gate * sigmoid(gate, round)) * up)
    }
  return y
}

/** gate_up [R, 2F], dy [R, F] → dgate_up [R, 2F] */
export function swigluBackward(
  gateUp: Numbers,
  dy: Numbers,
  R: number,
  F: number,
  round: Round = exact,
): Float64Array {
  const dGateUp = new Float64Array(R * 2 * F)
  for (let r = 0; r < R; r++)
    for (let j = 0; j < F; j++) {
      const gate = gateUp[r * 2 * F + j]!
      const up = gateUp[r * 2 * F + F + j]!
      const d = dy[r * F + j]!
      const s = sigmoid(gate, round)
      const slope = round(s * round(1 + round(gate * round(1 - s))))
      dGateUp[r * 2 * F + j] = round(round(d * up) * slope)
      dGateUp[r * 2 * F + F + j] = round(d * round(gate * s))
    }
  return dGateUp
}
