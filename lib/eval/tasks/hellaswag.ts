import * as fields from './fields.js'
import { capitalize, characters, strip } from './python-text.js'
import type { ChoiceTask } from './task.js'

/** HellaSwag (Zellers et al., 2019): which of four endings goes on. */
export const hellaswag: ChoiceTask = {
  kind: 'choice',
  name: 'hellaswag',
  title: 'HellaSwag',
  version: 1,
  metric: 'acc_norm',
  metrics: ['acc', 'acc_norm'],
  maxShots: 0,
  source:
    'https://huggingface.co/datasets/Rowan/hellaswag or https://github.com/rowanz/hellaswag (hellaswag_val.jsonl)',
  files: [
    {
      split: 'validation',
      names: [
        'hellaswag/hellaswag_val.jsonl',
        'hellaswag/validation*.parquet',
        'hellaswag/data/validation*.parquet',
      ],
    },
  ],
  async *examples(data, { limit }) {
    let index = 0
    for await (const row of data.get('validation')!) {
      if (index === limit) return
      const beginning = fields.text(row, 'ctx_a') + ' ' + capitalize(fields.text(row, 'ctx_b'))
      const context = clean(fields.text(row, 'activity_label') + ': ' + beginning)
      const endings = fields.texts(row, ['endings'], 4).map(clean)
      yield {
        index: index++,
        requests: endings.map((ending) => ({ context, continuation: ` ${ending}` })),
        lengths: endings.map(characters),
        target: fields.choice(row, 'label', endings.length),
      }
    }
  },
}

/** The harness' preprocessing, in its order: brackets are left over from WikiHow; two spaces become one in one pass. */
function clean(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ')
}
