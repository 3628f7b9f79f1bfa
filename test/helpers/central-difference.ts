// The gradient of a scalar function by central differences in double: what a reference's own gradient is held against.
import { expect } from 'vitest'

/** (f(x + h·e_i) − f(x − h·e_i)) / 2h for every i. `x` is put back as it was. */
export function centralDifference(f: () => number, x: Float64Array, h = 1e-5): Float64Array {
  return x.map((value, i) => {
    x[i] = value + h
    const above = f()
    x[i] = value - h
    const below = f()
    x[i] = value
    return (above - below) / (2 * h)
  })
}

/** Σ a·b: turns a function with many outputs into a scalar one whose gradient is the backward of `b`. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** The truncation and rounding of a central difference with h = 1e-5 leave about ten right digits. */
export function expectGradient(actual: ArrayLike<number>, f: () => number, x: Float64Array): void {
  const expected = centralDifference(f, x)
  const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3)
  for (let i = 0; i < x.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!) / largest, `element ${i}`).toBeLessThan(1e-7)
}
