/**
 * Text as Python sees it. The harness is written in Python, and its prompts, lengths and word counts hang on what Python
 * calls white space and a character; JavaScript's own notions differ for a few of them.
 */

/** `str.isspace`, which `\s` of Python's `re` follows; JavaScript's `\s` has U+FEFF and lacks U+001C…U+001F and U+0085. */
export const pythonSpace =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'

const leading = new RegExp(`^${pythonSpace}+`)
const space = new RegExp(pythonSpace)
const runs = new RegExp(`${pythonSpace}+`, 'g')

/** `text.strip()` */
export function strip(text: string): string {
  return stripEnd(text.replace(leading, ''))
}

/** `text.rstrip()`; a loop, because a regular expression anchored at the end alone is quadratic in inner runs. */
export function stripEnd(text: string): string {
  let end = text.length
  while (end > 0 && space.test(text[end - 1]!)) end--
  return text.slice(0, end)
}

/** `text.capitalize()`: the first character in title case, all others in lower case. */
export function capitalize(text: string): string {
  const [first] = text
  if (first === undefined) return ''
  const [head = '', ...tail] = first.toUpperCase()
  // The lower case of the whole, for a final sigma depends on what stands before it.
  const lower = text.toLowerCase()
  return head + tail.join('').toLowerCase() + lower.slice(first.toLowerCase().length)
}

/** `len(text)`: code points, not UTF-16 units. */
export function characters(text: string): number {
  let count = 0
  for (const character of text) count += character.length > 0 ? 1 : 0
  return count
}

/** `len(re.split(r"\s+", text))`: empty pieces at the ends count. */
export function splitCount(text: string): number {
  return (text.match(runs)?.length ?? 0) + 1
}
