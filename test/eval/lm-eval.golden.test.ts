import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateTasks } from '../../lib/eval/evaluate-tasks.js'
import type { PartResult, TaskResult } from '../../lib/eval/results.js'
import { openTaskData } from '../../lib/eval/tasks/files.js'
import { findTasks } from '../../lib/eval/tasks/registry.js'
import type { ChoiceExample, TextExample } from '../../lib/eval/tasks/task.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { exportEvalModel, loadEvalModel } from '../helpers/eval-model.js'
import { sharedData } from '../helpers/shared-data.js'

/*
 * What lm-evaluation-harness 0.4.13 says of the made-up data and a tiny model with the weights of the golden formula,
 * written by lm-eval.oracle.test.ts. Ours is held to it: texts and tokens exactly, likelihoods to 1e-5, which is what
 * logits of two float32 programs may differ by.
 */
const tolerance = 1e-5

interface Golden {
  /** The first three examples of each task. */
  readonly samples: Readonly<Record<string, readonly GoldenSample[]>>
  /** Keys are `acc,none`, `acc_stderr,none` and so on. */
  readonly results: Readonly<Record<string, Readonly<Record<string, number | 'N/A'>>>>
}

interface GoldenSample {
  /** Context and continuation; a document alone. */
  readonly requests: readonly (readonly string[])[]
  /** Tokens of context and continuation, before any are cut off. */
  readonly tokens: readonly (readonly number[])[]
  /** Of the tokens that the model reads. */
  readonly hash: string
  readonly logLikelihoods: readonly number[]
  readonly choice?: number
  readonly choice_norm?: number
}

interface LoggedSample {
  readonly task: string
  readonly index: number
  readonly hash: string
  readonly logLikelihoods: readonly number[]
  readonly choice?: number
  readonly choice_norm?: number
}

function golden(name: string): Golden {
  return JSON.parse(readFileSync(new URL(`../golden/eval/${name}.json`, import.meta.url), 'utf8')) as Golden
}

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-lm-eval-'))
const data = writeEvalData(join(folder, 'data'))
let bytesModel: string
beforeAll(async () => {
  bytesModel = await exportEvalModel(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

async function evaluate(
  exported: string,
  names: readonly string[],
  shots: number,
): Promise<{ results: TaskResult[]; samples: LoggedSample[] }> {
  const log = join(mkdtempSync(join(folder, 'log-')), 'samples.jsonl')
  const model = await loadEvalModel(exported)
  const results = await evaluateTasks(model, names, { data, shots, samples: log })
  model.dispose()
  const [, ...lines] = readFileSync(log, 'utf8').trimEnd().split('\n')
  const samples = lines.map((line) => JSON.parse(line) as LoggedSample).sort((a, b) => a.index - b.index)
  return { results, samples }
}

/** Context and continuation of the first examples of a task, or their texts. */
async function requests(name: string, shots: number, count: number): Promise<string[][][]> {
  const [task] = findTasks([name])
  const all: string[][][] = []
  const examples: AsyncIterable<ChoiceExample | TextExample> = task!.examples(
    await openTaskData(task!, data, shots),
    { shots, limit: Infinity },
  )
  for await (const example of examples) {
    if (all.length === count) break
    all.push(
      'text' in example
        ? [[example.text]]
        : example.requests.map(({ context, continuation }) => [context, continuation]),
    )
  }
  return all
}

const close = (value: number) => ({
  asymmetricMatch: (other: unknown) =>
    typeof other === 'number' && Math.abs(other - value) <= tolerance * Math.abs(value),
  toString: () => `≈ ${value}`,
})

function expectResult(ours: PartResult, name: string, theirs: Golden['results']): void {
  for (const [metric, { value, stderr }] of Object.entries(ours.metrics)) {
    expect(value, `${name} ${metric}`).toEqual(close(theirs[name]![`${metric},none`] as number))
    const expected = theirs[name]![`${metric}_stderr,none`]!
    expect(stderr, `${name} ${metric} stderr`).toEqual(expected === 'N/A' ? null : close(expected))
  }
  for (const part of ours.parts ?? []) expectResult(part, `mmlu_${part.name}`, theirs)
}

describe.each([
  ['without worked examples', 'bytes', 0],
  ['with five', 'bytes-shots', 5],
])('the harness and we agree %s', (_, file, shots) => {
  const theirs = golden(file)
  const names = Object.keys(theirs.samples)

  it.each(names)('on the texts of %s', async (name) => {
    const expected = theirs.samples[name]!.map((sample) => sample.requests)
    expect(await requests(name, shots, expected.length)).toEqual(expected)
  })

  it('on tokens, likelihoods, choices, metrics and their errors', async () => {
    const { results, samples } = await evaluate(bytesModel, names, shots)
    for (const result of results) {
      const ours = samples.filter(({ task }) => task === result.name)
      for (const [i, expected] of theirs.samples[result.name]!.entries()) {
        const { hash, logLikelihoods, choice, choice_norm } = ours[i]!
        expect(hash, `${result.name} ${i}`).toBe(expected.hash)
        const sums =
          expected.logLikelihoods.length > 1 ? logLikelihoods : [logLikelihoods.reduce((a, b) => a + b, 0)]
        expect(sums, `${result.name} ${i}`).toEqual(expected.logLikelihoods.map(close))
        expect(choice).toBe(expected.choice)
        if (choice_norm !== undefined) expect(choice_norm).toBe(expected.choice_norm)
      }
      expectResult(result, result.name, theirs.results)
    }
    expect(results.map(({ name }) => name)).toEqual(names)
  })
})

const llama2 = sharedData('tokenizer/llama2')
it.skipIf(!llama2)('the harness and we agree on the tokens of LLaMA-2 (needs the shared data)', async () => {
  const theirs = golden('llama2')
  const names = Object.keys(theirs.samples)
  const { samples } = await evaluate(await exportEvalModel(join(folder, 'llama2'), llama2), names, 0)
  for (const name of names)
    expect(
      samples
        .filter(({ task }) => task === name)
        .slice(0, 3)
        .map(({ hash }) => hash),
      name,
    ).toEqual(theirs.samples[name]!.map(({ hash }) => hash))
})
