/** What a JSON text may hold. Its bytes alone bound nothing: `[[[[…` takes forty times its size in memory. */
export interface JsonBounds {
  /** Values in lists and objects, at any depth. */
  readonly values: number
  /** Lists and objects inside of one another. */
  readonly depth: number
}

/**
 * JSON.parse for a text from elsewhere: what would take far more memory than the text has, or is nested so deeply that
 * code that walks it runs out of stack, is refused before it is built.
 *
 * @throws {SyntaxError} when it is not JSON or exceeds a bound
 */
export function parseBoundedJson(text: string, bounds: JsonBounds): unknown {
  requireBounds(text, bounds)
  return JSON.parse(text)
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/** @throws {SyntaxError} when the text exceeds a bound; whether it is JSON at all is JSON.parse's question */
export function requireBounds(text: string, { values, depth }: JsonBounds): void {
  let separators = 0
  let level = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === quote) {
      i = endOfString(text, i)
    } else if (c === openList || c === openObject) {
      separators++
      if (++level > depth) throw new SyntaxError(`it is nested more than ${depth} levels deep`)
    } else if (c === closeList || c === closeObject) {
      level--
    } else if (c === comma) {
      separators++
    }
    // Each value but the outermost stands behind a bracket or a comma.
    if (separators > values) throw new SyntaxError(`it holds more than ${values} values`)
  }
}

/** Index of the closing quote, or the end of a text that has none. */
function endOfString(text: string, start: number): number {
  for (let at = start; ;) {
    at = text.indexOf('"', at + 1)
    if (at < 0) return text.length
    let escapes = 0
    while (text.charCodeAt(at - 1 - escapes) === backslash) escapes++
    if (escapes % 2 === 0) return at
  }
}
