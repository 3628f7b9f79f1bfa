// The references are written once and rounded after every operation: not at all for the double-precision reference,
// to fp32 for the naive single-precision form that the tolerance rule needs.
export type Round = (x: number) => number
export const exact: Round = (x) => x
export const single: Round = Math.fround

/** Vectors and matrices, row-major, in whichever number type. */
export type Numbers = ArrayLike<number>

/** Brain floats: the eight highest bits of a float's significand, rounded to nearest, ties to even. */
export const brain: Round = (x) => {
  floatView[0] = x
  const bits = bitsView[0]!
  if ((bits & 0x7fffffff) > 0x7f800000) return NaN
  bitsView[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000
  return floatView[0]
}

const floatView = new Float32Array(1)
const bitsView = new Uint32Array(floatView.buffer)
