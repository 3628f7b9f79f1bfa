const blocks = '▁▂▃▄▅▆▇█'

/** The course of a quantity in one line of text, the lowest value at the bottom. */
export function sparkline(values: readonly number[]): string {
  const low = Math.min(...values)
  const span = Math.max(...values) - low || 1
  return values.map((value) => blocks[Math.round(((value - low) / span) * (blocks.length - 1))]!).join('')
}
