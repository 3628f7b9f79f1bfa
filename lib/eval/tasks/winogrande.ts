import * as fields from './fields.js'
import { characters, strip } from './python-text.js'
import type { ChoiceTask } from './task.js'

/**
 * WinoGrande (Sakaguchi et al., 2020), scored the other way round: each option is put into the gap, and what is compared
 * is the likelihood of the rest of the sentence, which is the same for both.
 */
export const winogrande: ChoiceTask = {
  kind: 'choice',
  name: 'winogrande',
  title: 'WinoG',
  version: 1,
  metric: 'acc',
  metrics: ['acc'],
  maxShots: 0,
  source:
    'https://huggingface.co/datasets/allenai/winogrande (winogrande_xl) or https://winogrande.allenai.org (dev.jsonl)',
  files: [
    {
      split: 'validation',
      names: [
        'winogrande/winogrande_xl_dev.jsonl',
        'winogrande/dev.jsonl',
        'winogrande/validation*.parquet',
        'winogrande/winogrande_xl/validation*.parquet',
      ],
    },
  ],
  async *examples(data, { limit }) {
    let index = 0
    for await (const row of data.get('validation')!) {
      if (index === limit) return
      const sentence = fields.text(row, 'sentence')
      const gap = sentence.indexOf('_')
      if (gap < 0) fields.fail(row, ['sentence'], 'has no gap "_"')
      const answer = fields.text(row, 'answer')
      if (answer !== '1' && answer !== '2') fields.fail(row, ['answer'], `is "${answer}", not "1" or "2"`)
      const filled = ['option1', 'option2'].map((name) => sentence.slice(0, gap) + fields.text(row, name))
      const rest = strip(sentence.slice(gap + 1))
      yield {
        index: index++,
        requests: filled.map((context) => ({ context, continuation: ` ${rest}` })),
        lengths: filled.map(characters),
        target: Number(answer) - 1,
      }
    }
  },
}
