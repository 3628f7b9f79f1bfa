const blocks = '▁▂▃▄▅▆▇█'

/** The course of a quantity in one line of text, the lowest value at the bottom. */
export function sparkline(values: readonly number[]): string {
  const finite = values.filter(Number.isFinite)
  const low = Math.min(...finite)
  const span = Math.max(...finite) - low || 1
  return values
    .map((value) =>
      Number.isFinite(value) ? blocks[Math.round(((value - low) / span) * (blocks.length - 1))]! : '×',
    )
    .join('')
}
