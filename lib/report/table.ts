export interface Column {
  readonly title: string
  /** Numbers go to the right, words (the default) to the left. */
  readonly right?: boolean
}

/** A table of aligned text columns with a ruled header. A row of `null` is a rule. */
export function table(columns: readonly Column[], rows: readonly (readonly string[] | null)[]): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row?.[i] ?? ''))),
  )
  const line = (cells: readonly string[]) =>
    columns
      .map(({ right }, i) => pad(cells[i] ?? '', widths[i]!, right ?? false))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [line(columns.map(({ title }) => title)), rule, ...rows.map((row) => (row ? line(row) : rule))].join(
    '\n',
  )
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return right ? space + text : text + space
}

/** Code points, which is what a terminal shows for all text we write. */
function displayWidth(text: string): number {
  return [...text].length
}
