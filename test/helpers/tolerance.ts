// The rule by which a single-precision result is held against a double-precision reference.
//
// All errors are relative to the largest magnitude in the reference, because a single element that cancels to almost
// nothing says nothing about a kernel. The result may be wrong by at most
//
//     max(2 · error of the naive fp32 form, 4 · ε · √terms)          ε = 2^−24, half a unit in the last place of 1
//
// - The naive form is the same formula written plainly and rounded to fp32 after every operation. A kernel may reorder
//   and fuse, so it may lose a little against it, or gain; twice the naive error is the most a sound reordering costs.
// - The floor is for where the naive form happens to be (nearly) exact: a few roundings, growing like a random walk
//   with the number of terms in the longest sum.
import { expect } from 'vitest'
import { fromBf16 } from './bf16.js'

const epsilon = 2 ** -24

/** max |actual − reference| / max |reference|; Infinity for a NaN or an infinity the reference does not have. */
export function relativeError(actual: ArrayLike<number>, reference: ArrayLike<number>): number {
  let largest = 0
  let error = 0
  for (let i = 0; i < reference.length; i++) {
    const a = actual[i]!
    const r = reference[i]!
    if (Object.is(a, r) || a === r) {
      if (Number.isFinite(r)) largest = Math.max(largest, Math.abs(r))
      continue
    }
    const difference = Math.abs(a - r)
    if (!Number.isFinite(difference)) return Infinity
    largest = Math.max(largest, Math.abs(r))
    error = Math.max(error, difference)
  }
  return error === 0 ? 0 : error / largest
}

/**
 * The rule for bf16 results. The naive form rounds to bf16 after every operation; the floor is one rounding to bf16 of
 * the result, and the fp32 floor of what came before it.
 */
export function expectCloseBf16(
  actual: Uint16Array,
  reference: ArrayLike<number>,
  naive: ArrayLike<number>,
  terms = 1,
): void {
  expect(actual.length, 'number of elements').toBe(reference.length)
  const floor = 2 ** -9 + 4 * epsilon * Math.sqrt(terms)
  const allowed = Math.max(2 * relativeError(naive, reference), floor)
  expect(
    relativeError(fromBf16(actual), reference),
    'error relative to the largest reference',
  ).toBeLessThanOrEqual(allowed)
}

/** Holds `actual` to the rule above. `terms`: the length of the longest sum in one element. */
export function expectClose(
  actual: ArrayLike<number>,
  reference: ArrayLike<number>,
  naive: ArrayLike<number> = reference,
  terms = 1,
): void {
  expect(actual.length, 'number of elements').toBe(reference.length)
  const allowed = Math.max(2 * relativeError(naive, reference), 4 * epsilon * Math.sqrt(terms))
  expect(relativeError(actual, reference), 'error relative to the largest reference').toBeLessThanOrEqual(
    allowed,
  )
}
