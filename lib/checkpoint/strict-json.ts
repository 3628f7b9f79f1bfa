import { parseBoundedJson } from '../bounded-json.js'

/** A tensor of a header takes about ten values. */
const bounds = { values: 2 ** 23, depth: 64 }

/**
 * JSON.parse, but an object with the same key twice is refused. JSON.parse keeps the last and says nothing, other
 * parsers keep the first: the same file would mean different things to different readers.
 */
export function parseStrictJson(text: string): unknown {
  const value = parseBoundedJson(text, bounds)
  const duplicate = findDuplicateKey(text)
  if (duplicate !== undefined) throw new SyntaxError(`key ${JSON.stringify(duplicate)} appears twice`)
  return value
}

/** The first key that appears twice in one object of a text that JSON.parse has accepted. */
function findDuplicateKey(text: string): string | undefined {
  /** The keys seen in each object that is open; nothing for an open array. */
  const open: (Set<string> | undefined)[] = []
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '{') open.push(new Set())
    else if (c === '[') open.push(undefined)
    else if (c === '}' || c === ']') open.pop()
    else if (c === '"') {
      const start = i
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
      if (!isKey(text, i + 1)) continue
      const key = JSON.parse(text.slice(start, i + 1)) as string
      const keys = open.at(-1)
      if (keys?.has(key)) return key
      keys?.add(key)
    }
  }
  return undefined
}

/** A string is a key when a colon follows it. */
function isKey(text: string, end: number): boolean {
  while (' \t\n\r'.includes(text[end] ?? ':')) end++
  return text[end] === ':'
}
