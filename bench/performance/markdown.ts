export interface Column {
  readonly title: string
  readonly right?: boolean
}

export const left = (title: string): Column => ({ title })
export const right = (title: string): Column => ({ title, right: true })

export function markdownTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = columns.map((column) => (column.right ? '--:' : '---'))
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n')
}

/** Three digits are what a repetition keeps. */
export function digits(x: number): string {
  return x === 0 ? '0' : x >= 100 ? x.toFixed(0) : x.toPrecision(3)
}

export const percent = (share: number) => `${Math.round(100 * share)} %`
