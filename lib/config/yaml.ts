import { isMap, isScalar, parseDocument, visit } from 'yaml'

/**
 * A YAML text as plain values. A key that stands twice in a mapping is an error, found here because the package's own
 * search takes time quadratic in the number of keys: minutes for a file of a megabyte.
 *
 * @throws {Error} whose text says what is wrong and where
 */
export function parseYaml(text: string): unknown {
  refuseDeepNesting(text)
  // Pretty errors show where they are, each in time that grows with the text, and there may be as many as characters.
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false })
  const [error] = document.errors
  if (error) throw new Error(`${error.message} at ${placeOf(error.pos[0], text)}`, { cause: error })
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key))
          throw new Error(isMap(key) ? 'a mapping is used as a key' : 'a list is used as a key')
        if (keys.has(key.value))
          throw new Error(`the key ${JSON.stringify(key.value)} appears twice in a mapping`)
        keys.add(key.value)
      }
    },
  })
  // Aliases may stand for aliases: without this limit a few lines make billions of values.
  return document.toJS({ maxAliasCount: 100 })
}

function placeOf(position: number, text: string): string {
  const before = text.slice(0, position).split('\n')
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`
}

/**
 * The package's parser recurses, and a stack that overflows inside of a regular expression ends the process. Nesting
 * needs brackets inside of one another, columns of indentation, or several marks on a line; bounding these three bounds
 * it, whatever the text means.
 */
const maxDepth = 100
/** Each explicit key inside of another takes the package twice the time or more. */
const maxExplicitKeys = 10

function refuseDeepNesting(text: string): void {
  const refuse = (what: string) => {
    throw new Error(`it is nested too deeply (${what}); configurations have three levels`)
  }
  const count = (line: string, marks: RegExp) => line.match(marks)?.length ?? 0
  let brackets = 0
  for (const line of text.split(/[\r\n]/)) {
    if (/^\s{100}/.test(line) && line.trim() !== '') refuse(`a line begins behind column ${maxDepth}`)
    if (count(line, /[-:](?=\s|$)|[!&]/g) > maxDepth) refuse(`a line has more than ${maxDepth} marks`)
    if (count(line, /\?(?=\s|$)/g) > maxExplicitKeys) refuse('a line has many explicit keys')
    for (const bracket of line.match(/[[\]{}]/g) ?? []) {
      brackets = bracket === '[' || bracket === '{' ? brackets + 1 : Math.max(0, brackets - 1)
      if (brackets > maxDepth) refuse(`more than ${maxDepth} brackets are open`)
    }
  }
}
