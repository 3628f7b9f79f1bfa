import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TaskResult } from '../../lib/eval/results.js'
import { evaluatePerplexity } from '../../lib/eval/perplexity.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { exportEvalModel, loadEvalModel } from '../helpers/eval-model.js'
import { runCommand } from '../helpers/run-cli.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-eval-'))
const data = writeEvalData(join(folder, 'data'))
let model: string
beforeAll(async () => {
  model = await exportEvalModel(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

const evaluate = (...flags: string[]) => runCommand(['eval', model, '--device', 'cpu', ...flags])

it("shows the paper's table, every metric with its error, and progress apart from both", async () => {
  const { code, out, err } = await evaluate('--tasks', 'paper', '--data', data, '--context', '64')
  expect(code).toBe(0)
  const lines = out.split('\n')
  expect(lines[2]!.trim().split(/\s+/)).toEqual('PPL MMLU HellaSwag PIQA WinoG ARC-E ARC-C avg'.split(' '))
  expect(out).toMatch(/\nmmlu +0 +114 +acc +\d+\.\d\d +\d+\.\d\d\n {2}stem +38 /)
  expect(err).toContain('hellaswag 100 %  3 of 3')
})

it('gives JSON to programs, and reads on in its log of samples', async () => {
  const samples = join(folder, 'samples.jsonl')
  const flags = [
    '--tasks',
    'mmlu,piqa',
    '--data',
    data,
    '--limit',
    '1',
    '--samples',
    samples,
    '--json',
    '--quiet',
  ]
  const first = await evaluate(...flags)
  expect(first).toMatchObject({ code: 0, err: '' })
  const { tasks } = JSON.parse(first.out) as { tasks: TaskResult[] }
  expect(tasks.map(({ name, examples }) => [name, examples])).toEqual([
    ['mmlu', 57],
    ['piqa', 1],
  ])
  expect(tasks[1]!.metrics['acc_norm']!.stderr).toBeNull()
  const log = readFileSync(samples, 'utf8')
  expect(await evaluate(...flags)).toEqual(first)
  expect(readFileSync(samples, 'utf8')).toBe(log)
})

it('wikitext103 is the perplexity that eval without tasks measures', async () => {
  const { out } = await evaluate(
    '--tasks',
    'wikitext103',
    '--data',
    data,
    '--context',
    '64',
    '--json',
    '--quiet',
  )
  const [task] = (JSON.parse(out) as { tasks: TaskResult[] }).tasks
  const loaded = await loadEvalModel(model)
  const expected = await evaluatePerplexity(loaded, {
    files: join(data, 'wikitext/wikitext_document_level-test.json'),
    context: 64,
  })
  loaded.dispose()
  expect(task!.examples).toBe(expected.blocks)
  // Two programs for one sum of float32 losses.
  expect(task!.metrics['loss']!.value).toBeCloseTo(expected.loss, 5)
  expect(task!.metrics['perplexity']!.value / expected.perplexity).toBeCloseTo(1, 5)
  expect(task!.metrics['bits_per_byte']!.value).toBeCloseTo(expected.bitsPerByte, 5)
})

it('flags that do not belong together, and mistyped tasks, are refused before a model is loaded', async () => {
  const text = join(data, 'wikitext/wikitext_document_level-test.json')
  const refused = async (...flags: string[]) => {
    const { code, out, err } = await runCommand(['eval', join(folder, 'no-model'), ...flags])
    expect([code, out]).toEqual([2, ''])
    return err
  }
  expect(await refused('--data', text, '--shots', '5')).toContain('--shots means nothing without --tasks')
  expect(await refused('--tasks', 'piqa', '--data', data, '--max-tokens', '5')).toContain(
    'nothing with --tasks',
  )
  expect(await refused('--tasks', 'piqa', '--data', data, '--data', text)).toContain('one folder')
  expect(await refused('--tasks', 'piqq', '--data', data)).toContain('Did you mean piqa?')
})

it('what is wrong with the data leaves no log behind', async () => {
  const samples = join(folder, 'none.jsonl')
  const { code, out, err } = await evaluate(
    '--tasks',
    'piqa',
    '--data',
    folder,
    '--samples',
    samples,
    '--quiet',
  )
  expect([code, out]).toEqual([1, ''])
  expect(err).toContain('piqa is not in')
  expect(existsSync(samples)).toBe(false)
})

it('BOS is left out when asked', async () => {
  const read = async (name: string, ...flags: string[]) => {
    const samples = join(folder, name)
    await evaluate('--tasks', 'piqa', '--data', data, '--samples', samples, '--quiet', ...flags)
    const [head, ...lines] = readFileSync(samples, 'utf8').trimEnd().split('\n')
    return {
      head: JSON.parse(head!) as object,
      hashes: lines.map((line) => (JSON.parse(line) as { hash: string }).hash),
    }
  }
  const [given, without] = [await read('bos.jsonl'), await read('no-bos.jsonl', '--no-bos')]
  expect([given.head, without.head]).toMatchObject([{ bos: true }, { bos: false }])
  expect(without.hashes.filter((hash) => given.hashes.includes(hash))).toEqual([])
})
