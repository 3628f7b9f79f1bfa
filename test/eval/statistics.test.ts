import { expect, it } from 'vitest'
import { argmax, meanOf, pooled } from '../../lib/eval/statistics.js'

it('the standard error of a mean is the sample deviation over the root of n', () => {
  // Deviations −2, −1, 0, 3 from 3: sample variance 14/3, over n = 4.
  expect(meanOf([1, 2, 3, 6])).toEqual({ value: 3, stderr: Math.sqrt(14 / 3) / 2 })
})

it('one example has no standard error', () => {
  expect(meanOf([1])).toEqual({ value: 1, stderr: null })
  expect(pooled([{ examples: 1, value: 1, stderr: null }])).toEqual({ value: 1, stderr: null })
})

it('parts count by their size, and their variances are pooled', () => {
  const { value, stderr } = pooled([
    { examples: 10, value: 0.5, stderr: 0.1 },
    { examples: 30, value: 0.9, stderr: 0.05 },
  ])
  expect(value).toBeCloseTo(0.8, 15)
  // Σ (n − 1)·s²·n / (Σ n − 2) / Σ n, written out.
  expect(stderr).toBeCloseTo(Math.sqrt((9 * 0.01 * 10 + 29 * 0.0025 * 30) / 38 / 40), 15)
})

it('the first of equal choices is taken', () => {
  expect(argmax([-3, -1, -1, -2])).toBe(1)
  expect(argmax([-Infinity, -Infinity])).toBe(0)
})
