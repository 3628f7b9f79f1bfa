/** What `inspect` says of something: for people, and for programs. */
export interface Finding {
  readonly text: string
  readonly json: object
}

/** `key  value` lines, the values in one column. */
export function fields(entries: readonly (readonly [string, string | undefined])[]): string {
  const known = entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined)
  const width = Math.max(...known.map(([key]) => key.length))
  return known.map(([key, value]) => `${key.padEnd(width)}  ${value}`).join('\n')
}
