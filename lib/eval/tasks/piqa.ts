import type { Row } from '../../data/read/rows.js'
import { DataError } from '../../errors.js'
import * as fields from './fields.js'
import { characters } from './python-text.js'
import type { ChoiceTask } from './task.js'

/** PIQA (Bisk et al., 2020): which of two ways reaches the goal. Labels lie in the row, or in a file of their own. */
export const piqa: ChoiceTask = {
  kind: 'choice',
  name: 'piqa',
  title: 'PIQA',
  version: 1,
  metric: 'acc_norm',
  metrics: ['acc', 'acc_norm'],
  maxShots: 0,
  source:
    'https://huggingface.co/datasets/baber/piqa or https://yonatanbisk.com/piqa (valid.jsonl, valid-labels.lst)',
  files: [
    {
      split: 'validation',
      names: ['piqa/valid.jsonl', 'piqa/validation*.parquet', 'piqa/plain_text/validation*.parquet'],
    },
    { split: 'labels', names: ['piqa/valid-labels.lst'], optional: true },
  ],
  async *examples(data, { limit }) {
    const labels = data.get('labels')?.[Symbol.asyncIterator]()
    let index = 0
    let paired = false
    for await (const row of data.get('validation')!) {
      if (index === limit) return
      const solutions = [fields.text(row, 'sol1'), fields.text(row, 'sol2')]
      const context = `Question: ${fields.text(row, 'goal')}\nAnswer:`
      const labelled = fields.has(row, 'label') || labels === undefined ? row : await next(labels)
      if (labelled === undefined || (labelled !== row && labelled.place !== row.place))
        throw unpaired(row, `${row.place} has no label of the same line in valid-labels.lst`)
      paired = labelled !== row
      yield {
        index: index++,
        requests: solutions.map((solution) => ({ context, continuation: ` ${solution}` })),
        lengths: solutions.map(characters),
        target: fields.choice(labelled, 'label', solutions.length),
      }
    }
    const extra = paired ? await next(labels!) : undefined
    if (extra) throw unpaired(extra, `${extra.place} is the label of no line in valid.jsonl`)
  },
}

function unpaired({ file }: Row, what: string): DataError {
  return new DataError(`${file}: ${what}. Take both files from the same place, unchanged.`, { file })
}

async function next(rows: AsyncIterator<Row>): Promise<Row | undefined> {
  const { done, value } = (await rows.next()) as IteratorResult<Row, undefined>
  return done ? undefined : value
}
