import { DataError } from '../../errors.js'
import * as fields from './fields.js'
import { characters } from './python-text.js'
import type { Row } from '../../data/read/rows.js'
import type { ChoiceTask } from './task.js'

/** ARC (Clark et al., 2018): school science, three to five answers. */
export const arcEasy = arc('arc_easy', 'ARC-E', 'ARC-Easy')
export const arcChallenge = arc('arc_challenge', 'ARC-C', 'ARC-Challenge')

function arc(name: string, title: string, set: string): ChoiceTask {
  return {
    kind: 'choice',
    name,
    title,
    version: 1,
    metric: 'acc_norm',
    metrics: ['acc', 'acc_norm'],
    maxShots: 0,
    source: `https://huggingface.co/datasets/allenai/ai2_arc (${set}) or https://allenai.org/data/arc (${set}-Test.jsonl)`,
    files: [
      {
        split: 'test',
        names: [
          `arc/${set}_test.jsonl`,
          `arc/${set}-Test.jsonl`,
          `arc/${set}/test*.parquet`,
          `ai2_arc/${set}/test*.parquet`,
        ],
      },
    ],
    async *examples(data, { limit }) {
      let index = 0
      for await (const row of data.get('test')!) {
        if (index === limit) return
        const { question, choices, labels } = readQuestion(row)
        const key = fields.text(row, 'answerKey')
        const target = labels.indexOf(key)
        if (target < 0) fields.fail(row, ['answerKey'], `is "${key}", none of ${labels.join(', ')}`)
        const context = `Question: ${question}\nAnswer:`
        yield {
          index: index++,
          requests: choices.map((answer) => ({ context, continuation: ` ${answer}` })),
          lengths: choices.map(characters),
          target,
        }
      }
    },
  }
}

/** The form of the Hugging Face edition, or the nested one of the original files. */
function readQuestion(row: Row): { question: string; choices: readonly string[]; labels: readonly string[] } {
  const original = row.fields['question']
  if (typeof original !== 'object' || original === null) {
    const choices = fields.texts(row, ['choices', 'text'])
    return {
      question: fields.text(row, 'question'),
      choices,
      labels: fields.texts(row, ['choices', 'label'], choices.length),
    }
  }
  const listed: unknown = (original as Record<string, unknown>)['choices']
  if (!Array.isArray(listed) || listed.length < 2)
    throw new DataError(
      `${row.file}: the field "question.choices" of ${row.place} is not a list of two or more.`,
      {
        file: row.file,
      },
    )
  const column = (name: string) =>
    listed.map((_, i) =>
      fields.text({ ...row, fields: { 'question.choices': listed } }, 'question.choices', String(i), name),
    )
  return { question: fields.text(row, 'question', 'stem'), choices: column('text'), labels: column('label') }
}
