// PTX text → tokens. A token is { text, line, spaced }: `spaced` says that blank space stood before it, which tells the
// opcode "ld.global" from the word "ld" and a directive ".global".

const token =
  /(?<blank>[ \t\r]+|\/\/[^\n]*)|(?<newline>\n)|(?<comment>\/\*[\s\S]*?\*\/)|(?<text>"[^"\n]*"|[A-Za-z_$%][\w$]*|\.[\w:]+|[0-9]\w*|[{}()[\],;:|@!+\-=<>*])/y

export class PtxError extends Error {}

export function tokenize(source) {
  const tokens = []
  let line = 1
  let spaced = false
  token.lastIndex = 0
  while (token.lastIndex < source.length) {
    const at = token.lastIndex
    const found = token.exec(source)
    if (!found) throw new PtxError(`line ${line}: cannot read ${JSON.stringify(source.slice(at, at + 20))}`)
    const { newline, comment, text } = found.groups
    if (text !== undefined) tokens.push({ text, line, spaced })
    if (newline !== undefined) line++
    if (comment !== undefined) line += comment.split('\n').length - 1
    spaced = text === undefined
  }
  return tokens
}
