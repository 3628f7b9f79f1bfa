// The references are written once and rounded after every operation: not at all for the double-precision reference,
// to fp32 for the naive single-precision form that the tolerance rule needs.
export type Round = (x: number) => number
export const exact: Round = (x) => x
export const single: Round = Math.fround

/** Vectors and matrices, row-major, in whichever number type. */
export type Numbers = ArrayLike<number>
