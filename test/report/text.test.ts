import { describe, expect, it } from 'vitest'
import { bytes, compact, duration, grouped, loss, percent, si } from '../../lib/report/format.js'
import { sparkline } from '../../lib/report/sparkline.js'
import { table } from '../../lib/report/table.js'

describe('numbers as people read them', () => {
  it.each([
    [si(0), '0'],
    [si(999), '999'],
    [si(999.6), '1k'],
    [si(1_234_567), '1.23M'],
    [si(2.7e9, 'B'), '2.7B'],
    [si(4.2e15), '4.2P'],
    [bytes(1023), '1023 B'],
    [bytes(1024), '1 KiB'],
    [bytes(1.5 * 2 ** 30), '1.5 GiB'],
    [duration(0.44), '0.4s'],
    [duration(59.6), '1m 00s'],
    [duration(3600), '1h 00m'],
    [duration(90_000), '1d 1h'],
    [duration(NaN), '–'],
    [grouped(1234567), '1,234,567'],
    [loss(3.14159), '3.1416'],
    [loss(NaN), 'NaN'],
    [compact(3e-4), '3.00e-4'],
    [compact(1.234), '1.23'],
    [compact(0), '0'],
    [percent(0.333), '33 %'],
    [percent(0.012), '1.2 %'],
  ])('%s is %s', (actual, expected) => {
    expect(actual).toBe(expected)
  })
})

describe('a table', () => {
  it('aligns words to the left, numbers to the right, and leaves no blank ends', () => {
    const text = table([{ title: 'op' }, { title: 'n', right: true }], [['gemm', '12'], null, ['λ', '3']])
    expect(text).toBe('op     n\n────  ──\ngemm  12\n────  ──\nλ      3')
  })
})

describe('a sparkline', () => {
  it('runs from the lowest to the highest value', () => {
    expect(sparkline([0, 7, 3.5])).toBe('▁█▅')
    expect(sparkline([1, 1])).toBe('▁▁')
  })
})
