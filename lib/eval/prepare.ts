import { createHash } from 'node:crypto'
import { DataError } from '../errors.js'
import { blocks, encodeRequests, rollingWindows, type Encoding } from './scoring/encode.js'
import type { TokenSequence } from './scoring/sequence.js'
import { blocksResult, rollingResult, type TextTotals } from './text-result.js'
import { choiceResult, chosen } from './choice-result.js'
import type { PartResult } from './results.js'
import type {
  BuildOptions,
  ChoiceExample,
  ChoiceTask,
  Task,
  TaskData,
  TextExample,
  TextTask,
} from './tasks/task.js'

/** What a log-likelihood is asked for, as tokens. */
export interface PreparedExample {
  /** Number of the question, document or block, from 0. */
  readonly index: number
  readonly part?: string
  readonly sequences: readonly TokenSequence[]
  /** Whether the sequences share their beginning, and so belong into one batch. */
  readonly together: boolean
  /** Of the tokens: tells whether another run asked for the same. */
  readonly hash: string
}

/** A task as tokens, and how likelihoods become its result. */
export interface PreparedTask {
  readonly task: Task
  readonly shots: number
  readonly examples: readonly PreparedExample[]
  /** What is said of an example in the log, besides its likelihoods. */
  describe(i: number, logLikelihoods: readonly number[]): Readonly<Record<string, unknown>>
  /** @param logLikelihoods of each example in order, one for each of its sequences */
  result(logLikelihoods: readonly (readonly number[])[]): PartResult
}

/**
 * Reads and encodes all of a task's data, so that whatever is wrong with it shows before anything is scored.
 * @throws {DataError} naming file, line and field, or the example that the model cannot read
 */
export async function prepareTask(
  task: Task,
  data: TaskData,
  encoding: Encoding,
  options: BuildOptions,
): Promise<PreparedTask> {
  const prepared = await (task.kind === 'choice'
    ? prepareChoices(task, await collect(task, task.examples(data, options)), encoding)
    : prepareText(task, await collect(task, task.examples(data, options)), encoding))
  return { task, shots: options.shots, ...prepared }
}

type Prepared = Omit<PreparedTask, 'task' | 'shots'>

async function prepareChoices(
  task: ChoiceTask,
  examples: readonly ChoiceExample[],
  encoding: Encoding,
): Promise<Prepared> {
  const owners = examples.flatMap((example) => example.requests.map((_, choice) => ({ example, choice })))
  const requests = examples.flatMap((example) => example.requests)
  const sequences = await encodeRequests(requests, encoding, (i) => {
    const { example, choice } = owners[i]!
    return `Choice ${choice + 1} of example ${example.index + 1} of ${task.name}`
  })
  let at = 0
  return {
    examples: examples.map(({ index, part, requests }) => {
      const own = sequences.slice(at, (at += requests.length))
      return { index, ...(part !== undefined && { part }), sequences: own, together: true, hash: hashOf(own) }
    }),
    describe(i, logLikelihoods) {
      const example = examples[i]!
      const { acc, acc_norm } = chosen({ example, logLikelihoods })
      const normalized = task.metrics.includes('acc_norm') && { choice_norm: acc_norm }
      return { target: example.target, choice: acc, ...normalized }
    },
    result: (all) =>
      choiceResult(
        task,
        examples.map((example, i) => ({ example, logLikelihoods: all[i]! })),
      ),
  }
}

async function prepareText(
  task: TextTask,
  documents: readonly TextExample[],
  encoding: Encoding,
): Promise<Prepared> {
  const { tokenizer, positions, bos } = encoding
  const texts = documents.map(({ text }) => text)
  const encoded = await tokenizer.encodeDocuments(texts, { bos })
  const sum = (of: (document: TextExample) => number) => documents.reduce((total, one) => total + of(one), 0)
  const totals: TextTotals = {
    tokens: encoded.ids.length - (bos ? documents.length : 0),
    words: sum(({ words }) => words),
    bytes: sum(({ bytes }) => bytes),
  }
  const likelihoods = (all: readonly (readonly number[])[]) =>
    all.map((ofOne) => ofOne.reduce((a, b) => a + b, 0))
  const example = (index: number, sequences: readonly TokenSequence[]): PreparedExample => ({
    index,
    sequences,
    together: false,
    hash: hashOf(sequences),
  })

  if (task.kind === 'blocks') {
    const cut = blocks(encoded.ids, positions)
    if (cut.length === 0)
      throw new DataError(
        `The text of ${task.name} has ${encoded.ids.length} tokens, fewer than one block of ${positions}. Give a smaller context.`,
      )
    return {
      examples: cut.map((block, index) => example(index, [block])),
      describe: () => ({ tokens: positions - 1 }),
      result: (all) => blocksResult(task, likelihoods(all), positions - 1, totals),
    }
  }
  return {
    examples: documents.map(({ index }, i) =>
      example(
        index,
        rollingWindows(
          encoded.ids.subarray(encoded.offsets[i], encoded.offsets[i + 1]),
          tokenizer.bosId,
          positions,
        ),
      ),
    ),
    describe: (i) => ({ words: documents[i]!.words, bytes: documents[i]!.bytes }),
    result: (all) => rollingResult(task, likelihoods(all), totals),
  }
}

async function collect<T>(task: Task, examples: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const example of examples) all.push(example)
  if (all.length === 0) throw new DataError(`The data of ${task.name} has no examples. Check the file.`)
  return all
}

function hashOf(sequences: readonly TokenSequence[]): string {
  const hash = createHash('sha256')
  for (const { ids, scored } of sequences) hash.update(Int32Array.of(ids.length, scored)).update(ids)
  return hash.digest('hex').slice(0, 16)
}
