import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { evaluateTasks } from '../../lib/eval/evaluate-tasks.js'
import { capitalize, characters, splitCount, strip, stripEnd } from '../../lib/eval/tasks/python-text.js'
import { openTaskData } from '../../lib/eval/tasks/files.js'
import { findTasks, tasks } from '../../lib/eval/tasks/registry.js'
import type { ChoiceTask } from '../../lib/eval/tasks/task.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { exportEvalModel, loadEvalModel } from '../helpers/eval-model.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

async function questions(name: string, data: string, options: { shots?: number; limit?: number } = {}) {
  const { shots = 0, limit = Infinity } = options
  const task = findTasks([name])[0] as ChoiceTask
  const all = []
  for await (const example of task.examples(await openTaskData(task, data, shots), { shots, limit }))
    all.push(example)
  return all
}

describe('text as Python sees it', () => {
  it('white space is what str.isspace says', () => {
    expect(strip('\u001c\u0085 \u3000a\ufeff\n')).toBe('a\ufeff')
    expect(stripEnd(' a\u2028\t')).toBe(' a')
    expect(splitCount('')).toBe(1)
    expect(splitCount(' a\u0085b  c ')).toBe(5)
    expect(splitCount('a\ufeffb')).toBe(1)
  })

  it('str.capitalize lowers everything but the first character', () => {
    expect(capitalize('the Owner OF it')).toBe('The owner of it')
    expect(capitalize('ßA')).toBe('Ssa')
    expect(capitalize('')).toBe('')
    expect(capitalize('𐐨𐐀x')).toBe('𐐀𐐨x')
    expect(capitalize('ΟΔΟΣ')).toBe('Οδος')
  })

  it('len counts characters, not UTF-16 units', () => {
    expect(characters('a😀é')).toBe(3)
  })
})

describe('what the data may look like', () => {
  it('the original nested form of ARC asks the same as the flat one', async () => {
    const nested = [
      {
        id: 'x',
        question: {
          stem: 'What melts?',
          choices: [
            { text: 'ice', label: '1' },
            { text: 'sand', label: '2' },
          ],
        },
        answerKey: '1',
      },
    ]
    const flat = [
      {
        id: 'x',
        question: 'What melts?',
        choices: { text: ['ice', 'sand'], label: ['1', '2'] },
        answerKey: '1',
      },
    ]
    const folder = temporaryFolder()
    const data = (name: string, rows: readonly unknown[]) =>
      writeEvalData(join(folder, name), { 'arc/ARC-Easy_test.jsonl': rows })
    expect(await questions('arc_easy', data('nested', nested))).toEqual(
      await questions('arc_easy', data('flat', flat)),
    )
  })

  it('labels of PIQA may stand in the rows; integers may be texts', async () => {
    const rows = [{ goal: 'a', sol1: 'b', sol2: 'c', label: '1' }]
    const data = writeEvalData(temporaryFolder(), {
      'piqa/valid.jsonl': rows,
      'piqa/valid-labels.lst': undefined,
    })
    expect(await questions('piqa', data)).toMatchObject([{ target: 1 }])
  })

  it('parquet files of the hub ask the same as JSON lines', async () => {
    const parquet = fileURLToPath(new URL('../golden/eval/parquet', import.meta.url))
    const lines = writeEvalData(temporaryFolder(), {
      'arc/ARC-Easy_test.jsonl': [
        {
          question: 'Which of these floats on water?',
          choices: { text: ['a cork', 'a nail'], label: ['A', 'B'] },
          answerKey: 'A',
        },
        {
          question: 'Water boils at about',
          choices: { text: ['0 °C', '50 °C', '100 °C'], label: ['1', '2', '3'] },
          answerKey: '3',
        },
      ],
      'piqa/valid.jsonl': [
        { goal: 'Keep a door open', sol1: 'put a wedge under it', sol2: 'put a wedge above it' },
        { goal: 'Cool hot soup', sol1: 'heat it', sol2: 'wait' },
      ],
      'piqa/valid-labels.lst': [0, 1],
    })
    for (const task of ['arc_easy', 'piqa'])
      expect(await questions(task, parquet)).toEqual(await questions(task, lines))
  })

  it('the folder may hold eval/, or the files themselves', async () => {
    const folder = temporaryFolder()
    writeEvalData(join(folder, 'eval'))
    const expected = await questions('hellaswag', join(folder, 'eval'))
    expect(await questions('hellaswag', folder)).toEqual(expected)
    expect(await questions('hellaswag', join(folder, 'eval', 'hellaswag'))).toEqual(expected)
  })

  it('a limit counts examples of a task, of MMLU those of each subject', async () => {
    const data = writeEvalData(temporaryFolder())
    expect(await questions('piqa', data, { limit: 2 })).toHaveLength(2)
    const one = await questions('mmlu', data, { limit: 1 })
    expect(one).toHaveLength(57)
    expect(new Set(one.map(({ part }) => part)).size).toBe(57)
  })
})

describe('what is wrong is told with its place, before anything is scored', () => {
  const good = {
    hellaswag: { activity_label: 'a', ctx_a: 'b', ctx_b: 'c', endings: ['d', 'e', 'f', 'g'], label: 1 },
    piqa: { goal: 'a', sol1: 'b', sol2: 'c' },
    winogrande: { sentence: 'a _ b', option1: 'c', option2: 'd', answer: '1' },
    arc: { question: 'a', choices: { text: ['b', 'c'], label: ['A', 'B'] }, answerKey: 'A' },
    mmlu: { subject: 'anatomy', question: 'a', choices: ['b', 'c', 'd', 'e'], answer: 0 },
  }
  it.each<[string, string, unknown, unknown, RegExp]>([
    [
      'hellaswag',
      'hellaswag/hellaswag_val.jsonl',
      good.hellaswag,
      { ...good.hellaswag, label: 4 },
      /field "label" of line 2 is "4", not a whole number from 0 to 3/,
    ],
    [
      'hellaswag',
      'hellaswag/hellaswag_val.jsonl',
      good.hellaswag,
      { ...good.hellaswag, endings: ['d', 'e', 'f'] },
      /field "endings" of line 2 has 3 entries, not 4/,
    ],
    [
      'hellaswag',
      'hellaswag/hellaswag_val.jsonl',
      good.hellaswag,
      { ...good.hellaswag, endings: ['d', 'e', 'f', 5] },
      /field "endings.3" of line 2 is "5", not a text/,
    ],
    [
      'piqa',
      'piqa/valid.jsonl',
      good.piqa,
      { ...good.piqa, sol2: null },
      /field "sol2" of line 2 is null, not a text/,
    ],
    [
      'piqa',
      'piqa/valid.jsonl',
      good.piqa,
      { goal: 'a', sol1: 'b', sol_2: 'c' },
      /line 2 has no field "sol2"; there is "goal", "sol1", "sol_2"/,
    ],
    [
      'winogrande',
      'winogrande/winogrande_xl_dev.jsonl',
      good.winogrande,
      { ...good.winogrande, sentence: 'a b' },
      /field "sentence" of line 2 has no gap/,
    ],
    [
      'winogrande',
      'winogrande/winogrande_xl_dev.jsonl',
      good.winogrande,
      { ...good.winogrande, answer: '' },
      /field "answer" of line 2 is "", not "1" or "2"/,
    ],
    [
      'arc_easy',
      'arc/ARC-Easy_test.jsonl',
      good.arc,
      { ...good.arc, answerKey: 'E' },
      /field "answerKey" of line 2 is "E", none of A, B/,
    ],
    [
      'arc_challenge',
      'arc/ARC-Challenge_test.jsonl',
      good.arc,
      { ...good.arc, choices: 'b' },
      /line 2 has no field "choices.text"/,
    ],
    [
      'arc_easy',
      'arc/ARC-Easy_test.jsonl',
      good.arc,
      { ...good.arc, question: { stem: 'a', choices: [] } },
      /"question.choices" of line 2/,
    ],
    [
      'mmlu',
      'mmlu/mmlu_test.jsonl',
      good.mmlu,
      { ...good.mmlu, subject: 'anatomie' },
      /field "subject" of line 2 is "anatomie", no subject of MMLU \(did you mean anatomy\?\)/,
    ],
    ['mmlu', 'mmlu/mmlu_test.jsonl', good.mmlu, 'not json', /line 2 is not JSON/],
    ['mmlu', 'mmlu/mmlu_test.jsonl', good.mmlu, [1], /line 2/],
  ])('%s: a bad second row', async (task, file, first, second, words) => {
    const data = writeEvalData(temporaryFolder(), { [file]: [first, second] })
    const reading = questions(task, data)
    await expect(reading).rejects.toThrow(words)
    await expect(reading).rejects.toMatchObject({ code: 'ERR_DATA', file: join(data, file) })
  })

  it('too few labels, or too few worked examples', async () => {
    const few = writeEvalData(temporaryFolder(), { 'piqa/valid-labels.lst': [0, 1] })
    await expect(questions('piqa', few)).rejects.toThrow('line 3 has no label')
    const many = writeEvalData(temporaryFolder(), { 'piqa/valid-labels.lst': [0, 1, 0, 1] })
    await expect(questions('piqa', many)).rejects.toThrow('line 4 is the label of no line')
    const [first, second] = [0, 1].map((i) => JSON.stringify({ goal: 'g', sol1: `a${i}`, sol2: 'b' }))
    const gap = writeEvalData(temporaryFolder(), {
      'piqa/valid.jsonl': [first!, '', second!],
      'piqa/valid-labels.lst': ['0', '1', '0'],
    })
    await expect(questions('piqa', gap)).rejects.toThrow('line 3 has no label of the same line')
    const dev = Array.from({ length: 3 }, () => good.mmlu)
    const data = writeEvalData(temporaryFolder(), { 'mmlu/mmlu_dev.jsonl': dev })
    await expect(questions('mmlu', data, { shots: 5 })).rejects.toThrow(
      '3 questions on anatomy, fewer than 5 shots',
    )
    await expect(questions('mmlu', data, { shots: 3 })).rejects.toThrow('no questions on abstract_algebra')
  })

  it('an unknown task, with the nearest; nothing at all', () => {
    expect(() => findTasks(['hellaswog'])).toThrow(/no task "hellaswog". Did you mean hellaswag\?/)
    expect(() => findTasks([])).toThrow(/No task is named/)
    expect(findTasks(['paper']).map(({ name }) => name)).toEqual(
      tasks.map(({ name }) => name).filter((name) => name !== 'wikitext'),
    )
    expect(findTasks(['piqa', 'zeroshot', 'piqa'])).toHaveLength(6)
  })

  it('a missing file, with where to get it', async () => {
    for (const { name, files } of tasks) {
      const empty = temporaryFolder()
      const missing = questions(name, empty, { shots: name === 'mmlu' ? 5 : 0 })
      await expect(missing).rejects.toMatchObject({
        code: 'ERR_DATA',
        file: join(empty, files[0]!.names[0]!),
      })
      await expect(missing).rejects.toThrow(/is not in .* It may be .* Get it from https:/)
    }
  })

  it('options and data that make no sense, with nothing written', async () => {
    const folder = temporaryFolder()
    const model = await loadEvalModel(await exportEvalModel(folder))
    const data = writeEvalData(join(folder, 'data'))
    const refused = (names: string[], options: object) =>
      expect(evaluateTasks(model, names, { data, ...options }), JSON.stringify(options)).rejects
    await refused(['piqa'], { shots: 5 }).toThrow('shots is 5; it must be 0 with piqa')
    await refused(['mmlu'], { shots: 6 }).toThrow('at most 5 with mmlu')
    for (const limit of [0, 1.5, NaN, -1])
      await refused(['piqa'], { limit }).toMatchObject({ code: 'ERR_CONFIG' })
    for (const context of [1, 2.5]) await refused(['piqa'], { context }).toMatchObject({ path: 'context' })
    await refused(['hellaswag'], { context: 8 }).toThrow(
      /Choice 1 of example 1 of hellaswag has 29 tokens to score; the model reads 8/,
    )
    await refused(['wikitext103'], { context: 4096 }).toThrow('fewer than one block')

    mkdirSync(join(folder, 'empty', 'piqa'), { recursive: true })
    writeFileSync(join(folder, 'empty', 'piqa', 'valid.jsonl'), '')
    await refused(['piqa'], { data: join(folder, 'empty') }).toMatchObject({ code: 'ERR_DATA' })

    const samples = join(folder, 'samples.jsonl')
    rmSync(join(data, 'arc'), { recursive: true })
    await refused(['piqa', 'arc_easy'], { samples }).toMatchObject({ code: 'ERR_DATA' })
    expect(() => rmSync(samples)).toThrow('ENOENT')
    model.dispose()
  })
})
