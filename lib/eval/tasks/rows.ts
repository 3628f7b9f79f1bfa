import { readPlainText } from '../../data/read/plain-text.js'
import { readBytes } from '../../data/read/bytes.js'
import { readRows, type Row } from '../../data/read/rows.js'

/** The rows of `files`, one file after the other; of a list (.lst) each line is the label of a row. */
export async function* readTaskRows(files: readonly string[]): AsyncGenerator<Row, void, void> {
  for (const file of files) yield* /\.lst(\.zst)?$/.test(file) ? readLabels(file) : readRows(file)
}

async function* readLabels(file: string): AsyncGenerator<Row, void, void> {
  let text = ''
  for await (const piece of readPlainText(readBytes(file), file)) text += piece.text
  for (const [i, line] of text.trimEnd().split(/\r?\n/).entries())
    yield { fields: { label: line.trim() }, file, place: `line ${i + 1}` }
}
