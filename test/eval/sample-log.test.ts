import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { evaluateTasks, type EvaluateTasksOptions } from '../../lib/eval/evaluate-tasks.js'
import type { LoadedModel } from '../../lib/eval/model.js'
import type { TaskProgress } from '../../lib/eval/score-task.js'
import { writeTensor } from '../../lib/tensor/tensor.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { exportEvalModel, loadEvalModel } from '../helpers/eval-model.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-samples-'))
const data = writeEvalData(join(folder, 'data'))
const tasks = ['mmlu', 'arc_easy', 'wikitext']
let model: LoadedModel
let files = 0
const fresh = () => join(folder, `samples-${files++}.jsonl`)
const evaluate = (samples: string, options: Partial<EvaluateTasksOptions> = {}) =>
  evaluateTasks(model, tasks, { data, samples, ...options })

beforeAll(async () => {
  model = await loadEvalModel(await exportEvalModel(folder))
})
afterAll(() => {
  model.dispose()
  rmSync(folder, { recursive: true })
})

describe('a log of samples', () => {
  it('has a line for every example, with every log-likelihood', async () => {
    const samples = fresh()
    await evaluate(samples)
    const [head, ...lines] = readFileSync(samples, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(head).toMatchObject({ format: 'patchtrain samples 1', context: 256, bos: true })
    expect(lines).toHaveLength(114 + 3 + 2)
    const question = lines.find(({ task, index }) => task === 'arc_easy' && index === 2)!
    expect(question).toMatchObject({ version: 1, shots: 0, target: 0 })
    expect(question['logLikelihoods']).toHaveLength(5)
  })

  it('stopped at any batch, is gone on with: the same results, and nothing scored twice', async () => {
    const whole = fresh()
    const results = await evaluate(whole)
    const lines = readFileSync(whole, 'utf8')
    for (const stopAfter of [1, 2, 4]) {
      const samples = fresh()
      const controller = new AbortController()
      let batches = 0
      const stopped = evaluate(samples, {
        signal: controller.signal,
        onProgress: ({ share }) => {
          if (share > 0 && ++batches === stopAfter) controller.abort()
        },
      })
      await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
      const kept = readFileSync(samples, 'utf8')
      expect(lines.startsWith(kept)).toBe(true)
      expect(kept.length).toBeLessThan(lines.length)

      const begun: TaskProgress[] = []
      expect(
        await evaluate(samples, {
          onProgress: (progress) => {
            if (!begun.some(({ task }) => task === progress.task)) begun.push(progress)
          },
        }),
      ).toEqual(results)
      expect(begun.reduce((sum, { examples }) => sum + examples, 0)).toBe(
        kept.trimEnd().split('\n').length - 1,
      )
      expect(readFileSync(samples, 'utf8')).toBe(lines)
    }
  })

  it('that is complete is only read', async () => {
    const samples = fresh()
    const results = await evaluate(samples)
    const before = readFileSync(samples, 'utf8')
    const shares: number[] = []
    expect(await evaluate(samples, { onProgress: ({ share }) => shares.push(share) })).toEqual(results)
    expect(shares).toEqual([1, 1, 1])
    expect(readFileSync(samples, 'utf8')).toBe(before)
  })

  it('that a crash has cut within a line is gone on with from the last whole one', async () => {
    const samples = fresh()
    const results = await evaluate(samples)
    const text = readFileSync(samples, 'utf8')
    writeFileSync(samples, text.slice(0, -30))
    expect(await evaluate(samples)).toEqual(results)
    expect(readFileSync(samples, 'utf8')).toBe(text)
    writeFileSync(samples, text.slice(0, 20))
    expect(await evaluate(samples)).toEqual(results)
    expect(readFileSync(samples, 'utf8')).toBe(text)
  })

  it('of another model, context, or text in front is refused, and left as it is', async () => {
    const samples = fresh()
    await evaluate(samples)
    const before = readFileSync(samples, 'utf8')
    await expect(evaluate(samples, { context: 128 })).rejects.toThrow('context 256, not 128')
    await expect(evaluate(samples, { bos: false })).rejects.toThrow('bos true, not false')
    const other = await loadEvalModel(await exportEvalModel(join(folder, 'other')))
    await writeTensor(other.weights.range(5, 6), Float32Array.of(0.125))
    await expect(evaluateTasks(other, tasks, { data, samples })).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: expect.stringContaining('another model') as unknown,
    })
    other.dispose()
    expect(readFileSync(samples, 'utf8')).toBe(before)
  })

  it('of another version of a task, or of other data, is refused', async () => {
    const samples = fresh()
    await evaluate(samples)
    const text = readFileSync(samples, 'utf8')
    writeFileSync(samples, text.replaceAll('"task":"mmlu","version":1', '"task":"mmlu","version":7'))
    await expect(evaluate(samples)).rejects.toThrow('mmlu in version 7; this is version 1')
    writeFileSync(samples, text)
    const question = { question: 'What else?', answerKey: 'A' }
    const choices = (count: number) => ({ text: Array(count).fill('x'), label: [...'ABCDE'].slice(0, count) })
    const changed = writeEvalData(join(folder, 'changed'), {
      'arc/ARC-Easy_test.jsonl': [4, 3, 5].map((count) => ({ ...question, choices: choices(count) })),
    })
    await expect(evaluate(samples, { data: changed })).rejects.toThrow('another example 1 of arc_easy')
  })

  it('with a damaged line, or that is another file altogether, is refused and not written to', async () => {
    const samples = fresh()
    await evaluate(samples)
    appendFileSync(samples, '{"task":"mmlu"}\n')
    await expect(evaluate(samples)).rejects.toThrow(/line 121 is no sample/)
    for (const text of [
      'a letter\nto somebody\n',
      'one line without an end',
      '{"format":"patchtrain"}\n',
      '[]\n',
    ]) {
      const letter = fresh()
      writeFileSync(letter, text)
      await expect(evaluate(letter), text).rejects.toMatchObject({ code: 'ERR_DATA' })
      expect(readFileSync(letter, 'utf8')).toBe(text)
    }
  })

  it('that cannot be written is said so', async () => {
    await expect(evaluate(join(folder, 'nowhere', 'samples.jsonl'))).rejects.toMatchObject({
      code: 'ERR_SAVE',
    })
  })
})
