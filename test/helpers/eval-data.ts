import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { mmluGroups } from '../../lib/eval/tasks/mmlu-subjects.js'

/*
 * Made-up rows in the official formats of the evaluation data, a few a task, with everything in them that prompts have
 * to get right: brackets and doubled spaces, capitals, an empty second half, spaces at the ends, characters of several
 * bytes, gaps at either end of a sentence, three to five answers, labels that are digits.
 */

const hellaswag = [
  {
    activity_label: 'Planting beans',
    ctx_a: 'A woman kneels beside a raised bed.',
    ctx_b: 'she',
    endings: ['presses seeds into the soil.', 'plays the drums.', 'folds  a  map.', 'drives the bed away.'],
    label: '0',
  },
  {
    activity_label: 'Home and Garden',
    ctx_a: '[header] How to dry herbs [title] Pick them early. [step] The dew should be gone.',
    ctx_b: '',
    endings: [
      '[substeps] Tie small bunches with string. [title] Hang them up.',
      'Boil them until the pot is dry [citation needed].',
      ' Leave them in the rain.',
      'Paint each leaf.',
    ],
    label: '0',
  },
  {
    activity_label: 'Café work',
    ctx_a: 'A man grinds coffee — slowly.   ',
    ctx_b: 'the Owner of Åre Kaffe',
    endings: ['pours 4 cups.', 'sings «Ännu en gång».', 'sleeps.', '日本語で話す。'],
    label: '3',
  },
]

const piqa = [
  { goal: 'Keep a door open', sol1: 'put a wedge under it', sol2: 'put a wedge above it' },
  { goal: 'Cool hot soup  ', sol1: 'stir it\n and wait', sol2: 'heat it; wait.' },
  { goal: 'Clean a naïve painter’s brush', sol1: 'water', sol2: 'sand and a great deal of patience' },
]

const piqaLabels = [0, 0, 1]

const winogrande = [
  {
    sentence: 'The jug would not fit the shelf because the _ was too tall.',
    option1: 'jug',
    option2: 'shelf',
    answer: '1',
  },
  { sentence: '_ lent Petra a saw, for Petra had none.', option1: 'Ilse', option2: 'Petra', answer: '1' },
  {
    sentence: 'The rope held and the thread tore, so they kept the _ .',
    option1: 'thread',
    option2: 'rope',
    answer: '2',
  },
]

const arc = [
  {
    id: 'a',
    question: 'Which of these floats on water?',
    choices: { text: ['a cork', 'a nail', 'a stone', 'a coin'], label: ['A', 'B', 'C', 'D'] },
    answerKey: 'A',
  },
  {
    id: 'b',
    question: 'Water boils at sea level at about',
    choices: { text: ['0 °C', '50 °C', '100 °C'], label: ['1', '2', '3'] },
    answerKey: '3',
  },
  {
    id: 'c',
    question: 'What do leaves need most to make sugar? ',
    choices: { text: ['light', 'wind', 'noise', 'salt ', 'frost'], label: ['A', 'B', 'C', 'D', 'E'] },
    answerKey: 'A',
  },
]

const wikitext = [
  {
    text:
      ' \n = Hollow Fen = \n \n Hollow Fen ( also called the Low Fen ) is a bog of 1 @,@ 204 @.@ 5 acres ; its " long pool " is ' +
      "well @-@ known . In the 1880s ' the peat cutters ' left . The fen 's edge /' 5/ is { quite } dry . " +
      'The water stays at 4 ° C , or N degrees . \n = = Birds = = \n ' +
      "Cranes [ and others ] nest here ! Do they stay ? It is the cranes ' place : they do . \n",
  },
  { text: 'Ålesund is a town . '.repeat(16) + '\n \n = = = End = = = \n' },
]

/** Two questions on each subject, and five worked ones. */
function mmlu(perSubject: number, offset: number) {
  return [...mmluGroups.keys()].flatMap((subject, s) =>
    Array.from({ length: perSubject }, (_, i) => {
      const n = 7 * s + 3 * i + offset
      return {
        subject,
        question: `${i % 2 === 1 ? ' ' : ''}In ${subject.replaceAll('_', ' ')}, what is ${n} and ${i + 1} more?\n`,
        choices: [n, n + i + 1, n + 20, 2 * n + 30].map((value) => String(value)),
        answer: 1,
      }
    }),
  )
}

const files: Readonly<Record<string, readonly unknown[]>> = {
  'hellaswag/hellaswag_val.jsonl': hellaswag,
  'piqa/valid.jsonl': piqa,
  'piqa/valid-labels.lst': piqaLabels,
  'winogrande/winogrande_xl_dev.jsonl': winogrande,
  'arc/ARC-Easy_test.jsonl': arc,
  'arc/ARC-Challenge_test.jsonl': [...arc].reverse(),
  'mmlu/mmlu_test.jsonl': mmlu(2, 0),
  'mmlu/mmlu_dev.jsonl': mmlu(5, 400),
  'wikitext/wikitext_document_level-test.json': wikitext,
}

/** Writes the made-up data sets into a folder; `changes` replace files, or leave them out. */
export function writeEvalData(
  folder: string,
  changes: Readonly<Record<string, readonly unknown[] | undefined>> = {},
): string {
  for (const [name, rows] of Object.entries({ ...files, ...changes })) {
    if (!rows) continue
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    const lines = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)))
    writeFileSync(path, `${lines.join('\n')}\n`)
  }
  return folder
}
