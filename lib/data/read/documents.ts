/** Files to documents, whatever their format: the way into this folder. */
import { DataError } from '../../errors.js'
import { readBytes } from './bytes.js'
import type { Document } from './document.js'
import { readJsonLines } from './json-lines.js'
import { readParquetDocuments } from './parquet/documents.js'
import { readPlainText } from './plain-text.js'

/** `text`: a file is one document. `jsonl`: a line is one. `parquet`: a row is one. */
export type TextFormat = 'text' | 'jsonl' | 'parquet'

export interface ReadOptions {
  /** Field of a JSON line, or column of a parquet file, that holds the text. Default: `text`. */
  readonly textField?: string
  /** Default: by the file's name. */
  readonly format?: TextFormat
  /** Told of every piece that is read, in bytes as stored on the disk. */
  readonly onRead?: (bytes: number) => void
  readonly signal?: AbortSignal
}

const FORMATS: Readonly<Record<string, TextFormat>> = {
  '.txt': 'text',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'jsonl',
  '.parquet': 'parquet',
}

/**
 * The documents of `files` in order, one file at a time; those without any text are left out. Nothing is
 * read ahead of what is asked for. A file without a document is a `DataError`.
 */
export async function* readDocuments(
  files: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<Document, void, void> {
  for (const file of files) {
    let found = false
    for await (const document of documentsOf(file, options)) {
      options.signal?.throwIfAborted()
      if (document.text === '') continue
      found = true
      yield document
    }
    if (!found)
      throw new DataError(`${file} holds no text. Remove it from the inputs, or check how it was made.`, {
        file,
      })
  }
}

function documentsOf(file: string, options: ReadOptions): AsyncGenerator<Document, void, void> {
  const { format = formatOf(file), textField = 'text' } = options
  if (format === 'parquet') return readParquetDocuments(file, textField, options)
  const bytes = readBytes(file, options)
  return format === 'text' ? readPlainText(bytes, file) : readJsonLines(bytes, file, textField)
}

/** `corpus.jsonl.zst` → `jsonl`. */
export function formatOf(file: string): TextFormat {
  if (file.endsWith('.parquet.zst')) {
    throw new DataError(`${file}: a parquet file is compressed inside. Decompress it with \`zstd -d\`.`, {
      file,
    })
  }
  const extension = /\.[^./]*$/.exec(file.replace(/\.zst$/, ''))?.[0] ?? ''
  const format = Object.hasOwn(FORMATS, extension) ? FORMATS[extension] : undefined
  if (format !== undefined) return format
  throw new DataError(
    `${file}: cannot tell the format from the name. Known are ${Object.keys(FORMATS).join(', ')}, all but the last also with .zst; ` +
      'name the format ("text", "jsonl" or "parquet") for other files.',
    { file },
  )
}
