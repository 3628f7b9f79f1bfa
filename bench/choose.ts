import { fullName, groups, type Row } from './report.js'

type Named = Pick<Row, 'group' | 'name' | 'sizes'>

/**
 * The rows that contain one of the words; all of them without words.
 * @throws {Error} for a word that chooses nothing
 */
export function chosen<T extends Named>(rows: readonly T[], words: readonly string[]): T[] {
  const holds = (row: T, word: string) => fullName(row).toLowerCase().includes(word.toLowerCase())
  for (const word of words)
    if (!rows.some((row) => holds(row, word)))
      throw new Error(
        `no row contains '${word}'. There are the groups ${groups.join(', ')}, with\n${namesOf(rows)}`,
      )
  return words.length === 0 ? [...rows] : rows.filter((row) => words.some((word) => holds(row, word)))
}

function namesOf(rows: readonly Named[]): string {
  const names = (group: Row['group']) =>
    [...new Set(rows.filter((row) => row.group === group).map(({ name }) => name))].join(', ')
  return groups.map((group) => `  ${group}: ${names(group)}`).join('\n')
}
