import { DataError, nearest } from '../../errors.js'
import * as fields from './fields.js'
import { mmluGroups } from './mmlu-subjects.js'
import { strip } from './python-text.js'
import type { Row } from '../../data/read/rows.js'
import type { ChoiceTask } from './task.js'

const letters = ['A', 'B', 'C', 'D'] as const

/** MMLU (Hendrycks et al., 2021): exam questions of 57 subjects; the answer is a letter. */
export const mmlu: ChoiceTask = {
  kind: 'choice',
  name: 'mmlu',
  title: 'MMLU',
  version: 1,
  metric: 'acc',
  metrics: ['acc'],
  maxShots: 5,
  groups: mmluGroups,
  source: 'https://huggingface.co/datasets/cais/mmlu (all)',
  files: [
    { split: 'test', names: ['mmlu/mmlu_test.jsonl', 'mmlu/test*.parquet', 'mmlu/all/test*.parquet'] },
    {
      split: 'dev',
      names: ['mmlu/mmlu_dev.jsonl', 'mmlu/dev*.parquet', 'mmlu/all/dev*.parquet'],
      forShots: true,
    },
  ],
  async *examples(data, { shots, limit }) {
    const worked = shots > 0 ? await workedExamples(data.get('dev')!, shots) : new Map<string, string>()
    const taken = new Map<string, number>()
    let index = 0
    for await (const row of data.get('test')!) {
      const { subject, prompt, answer } = readQuestion(row)
      const before = worked.get(subject) ?? ''
      if (shots > 0 && before === '')
        throw new DataError(`${row.file}: the dev split has no questions on ${subject} (${row.place}).`, {
          file: row.file,
        })
      const count = taken.get(subject) ?? 0
      if (count < limit) {
        const about = subject.replaceAll('_', ' ')
        const head = `The following are multiple choice questions (with answers) about ${about}.\n\n`
        const context = head + before + prompt
        yield {
          index,
          part: subject,
          requests: letters.map((letter) => ({ context, continuation: ` ${letter}` })),
          lengths: letters.map(() => 1),
          target: answer,
        }
      }
      taken.set(subject, count + 1)
      index++
    }
  },
}

/** The first questions of each subject with their answers, joined as they stand before a question. */
async function workedExamples(rows: AsyncIterable<Row>, shots: number): Promise<Map<string, string>> {
  const worked = new Map<string, string[]>()
  let file = ''
  for await (const row of rows) {
    file = row.file
    const { subject, prompt, answer } = readQuestion(row)
    const list = worked.get(subject) ?? []
    if (list.length < shots) list.push(`${prompt} ${letters[answer]}\n\n`)
    worked.set(subject, list)
  }
  const few = [...worked].find(([, list]) => list.length < shots)
  if (few)
    throw new DataError(`${file} has ${few[1].length} questions on ${few[0]}, fewer than ${shots} shots.`, {
      file,
    })
  return new Map([...worked].map(([subject, list]) => [subject, list.join('')]))
}

function readQuestion(row: Row): { subject: string; prompt: string; answer: number } {
  const subject = fields.text(row, 'subject')
  if (!mmluGroups.has(subject)) {
    const similar = nearest(subject, [...mmluGroups.keys()])
    const hint = similar === undefined ? '' : ` (did you mean ${similar}?)`
    fields.fail(row, ['subject'], `is "${subject}", no subject of MMLU${hint}`)
  }
  const choices = fields.texts(row, ['choices'], letters.length)
  const listed = choices.map((choice, i) => `${letters[i]}. ${choice}\n`).join('')
  return {
    subject,
    prompt: `${strip(fields.text(row, 'question'))}\n${listed}Answer:`,
    answer: fields.choice(row, 'answer', letters.length),
  }
}
