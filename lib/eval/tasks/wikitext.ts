import * as fields from './fields.js'
import { pythonSpace, splitCount } from './python-text.js'
import type { Row } from '../../data/read/rows.js'
import type { TaskFile, TextExample, TextTask } from './task.js'

/** The test split of WikiText-103, which is that of WikiText-2, a document a line. */
const files: readonly TaskFile[] = [
  {
    split: 'test',
    names: [
      'wikitext/wikitext_document_level-test.json',
      'wikitext/wikitext_document_level-test.jsonl',
      'wikitext/test*.parquet',
      'wikitext/wikitext-2-raw-v1/test*.parquet',
      'wikitext/wikitext-103-raw-v1/test*.parquet',
    ],
  },
]
const source = 'https://huggingface.co/datasets/EleutherAI/wikitext_document_level'

/** Perplexity as the paper and its repository measure it: text as it is, documents joined, blocks of a context's length. */
export const wikitext103: TextTask = {
  kind: 'blocks',
  name: 'wikitext103',
  title: 'PPL',
  version: 1,
  metric: 'perplexity',
  files,
  source,
  examples: (data, { limit }) => documents(data.get('test')!, limit, (text) => text),
}

/** Word and byte perplexity as the harness measures them: text detokenized, every document by itself. */
export const wikitext: TextTask = {
  kind: 'rolling',
  name: 'wikitext',
  title: 'WikiText',
  version: 1,
  metric: 'word_perplexity',
  files,
  source,
  examples: (data, { limit }) => documents(data.get('test')!, limit, detokenize),
}

async function* documents(
  rows: AsyncIterable<Row>,
  limit: number,
  prepare: (text: string) => string,
): AsyncIterable<TextExample> {
  let index = 0
  for await (const row of rows) {
    if (index === limit) return
    const page = fields.text(row, fields.has(row, 'page') ? 'page' : 'text')
    if (page === '') fields.fail(row, [fields.has(row, 'page') ? 'page' : 'text'], 'is empty')
    yield { index: index++, text: prepare(page), words: splitCount(page), bytes: Buffer.byteLength(page) }
  }
}

const bracketed = (open: string, inside: string, close: string) =>
  new RegExp(`${open}${pythonSpace}*(${inside}*?)${pythonSpace}*${close}`, 'g')

const round = bracketed('\\(', '[^)]', '\\)')
const square = bracketed('\\[', '[^\\]]', '\\]')
const curly = bracketed('\\{', '[^}]', '\\}')
const double = bracketed('"', '[^"]', '"')
const single = bracketed("'", "[^']", "'")

/** The harness' detokenizer, step by step, with its slips (`/' [0-9]/`, ` N `): they are part of the measure. */
export function detokenize(page: string): string {
  return page
    .replaceAll("s '", "s'")
    .replace(/\/' [0-9]\//g, "/'[0-9]/")
    .replaceAll(' @-@ ', '-')
    .replaceAll(' @,@ ', ',')
    .replaceAll(' @.@ ', '.')
    .replaceAll(' : ', ': ')
    .replaceAll(' ; ', '; ')
    .replaceAll(' . ', '. ')
    .replaceAll(' ! ', '! ')
    .replaceAll(' ? ', '? ')
    .replaceAll(' , ', ', ')
    .replace(round, '($1)')
    .replace(square, '[$1]')
    .replace(curly, '{$1}')
    .replace(double, '"$1"')
    .replace(single, "'$1'")
    .replaceAll('= = = =', '====')
    .replaceAll('= = =', '===')
    .replaceAll('= =', '==')
    .replaceAll(' ° ', '°')
    .replaceAll(' \n', '\n')
    .replaceAll('\n ', '\n')
    .replaceAll(' N ', ' 1 ')
    .replaceAll(" 's", "'s")
}
