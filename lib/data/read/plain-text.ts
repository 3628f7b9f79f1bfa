/** A text file is one document. It is read in pieces, so that its size does not matter. */
import type { Document } from './document.js'
import { byteOrderMark, decodeUtf8, wholeCharacters } from './utf8.js'

/**
 * A longer file is cut behind a line end about every 4 MiB. A tokenizer that puts a space before each
 * text it gets makes one token more per cut; nothing else tells a cut file from a whole one.
 */
const PIECE = 4 * 1024 * 1024
const LINE_FEED = 0x0a

export async function* readPlainText(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Document, void, void> {
  let held: Uint8Array[] = []
  let size = 0
  let offset = 0
  const document = (bytes: Uint8Array): Document => {
    const mark = offset === 0 ? byteOrderMark(bytes) : 0
    const text = decodeUtf8(bytes.subarray(mark), file, offset + mark)
    const continued = offset > 0
    offset += bytes.length
    return { text, source: { file }, continued }
  }

  for await (const chunk of chunks) {
    held.push(chunk)
    size += chunk.length
    if (size < PIECE) continue
    const bytes = Buffer.concat(held, size)
    const line = bytes.lastIndexOf(LINE_FEED) + 1
    const cut = line > 0 ? line : wholeCharacters(bytes)
    yield document(bytes.subarray(0, cut))
    held = [bytes.subarray(cut)]
    size -= cut
  }
  if (size > 0) yield document(Buffer.concat(held, size))
}
