import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { BytesTokenizer } from '../../lib/data/tokenizer/bytes-tokenizer.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { readerOf } from '../checkpoint/fixture.js'
import { flatten } from '../helpers/flat-weights.js'
import { goldenWeights } from '../helpers/golden.js'
import { runCommand } from '../helpers/run-cli.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { tinyWriterModel } from '../helpers/tiny-writer.js'

async function exported(): Promise<string> {
  const folder = join(temporaryFolder(), 'model')
  await exportHuggingFace({
    ...{ folder, model: { ...tinyWriterModel, heads: 3, kvHeads: 1 } },
    settings: { positions: 64, bosId: 256, eosId: 257 },
    weights: readerOf(
      flatten({ ...tinyWriterModel, heads: 3 }, goldenWeights({ ...tinyWriterModel, heads: 3 })),
    ),
    tokenizerFiles: await new BytesTokenizer().files(),
  })
  return folder
}

it('generate writes prompt and text, or both as JSON with the reason', async () => {
  const model = await exported()
  const flags = ['--max-tokens', '8', '--seed', '3']
  const plain = await runCommand(['generate', model, 'ROMEO:', ...flags])
  const json = await runCommand(['generate', model, 'ROMEO:', ...flags, '--json'])
  const answer = JSON.parse(json.out) as { prompt: string; text: string; reason: string; tokens: number }
  expect(plain).toMatchObject({ code: 0, out: `ROMEO:${answer.text}\n`, err: '' })
  expect(answer).toMatchObject({ prompt: 'ROMEO:', reason: 'length', tokens: 8 })
})

it('generate takes a file of prompts, and writes a line of JSON for each', async () => {
  const model = await exported()
  const file = join(model, 'prompts.txt')
  writeFileSync(file, 'one\n\nthree\n')
  const { code, out } = await runCommand([
    'generate',
    model,
    '--prompts',
    file,
    '--max-tokens',
    '5',
    '--batch-size',
    '2',
  ])
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { index: number; prompt: string })
  expect(code).toBe(0)
  expect(lines.sort((a, b) => a.index - b.index).map(({ prompt }) => prompt)).toEqual(['one', '', 'three'])
  const alone = await runCommand(['generate', model, 'three', '--max-tokens', '5', '--seed', '3', '--json'])
  expect(lines[2]).toMatchObject(JSON.parse(alone.out) as object)
})

it('generate refuses options that make no sense before it writes anything', async () => {
  const model = await exported()
  for (const flags of [
    ['--temperature', '-1'],
    ['--repetition-penalty', '0'],
    ['--stop', ''],
    ['--prompts', 'x'],
  ]) {
    const { code, out } = await runCommand(['generate', model, 'x', ...flags])
    expect({ code, out }, flags.join(' ')).toEqual({ code: 2, out: '' })
  }
})

it('export --format gguf writes one file, and flags of the other format are refused', async () => {
  const model = await exported()
  const file = join(model, '..', 'model.gguf')
  const written = await runCommand(['export', model, file, '--format', 'gguf', '--type', 'q8_0'])
  expect(written.code).toBe(0)
  expect(written.out).toMatch(/^wrote .*model\.gguf/)
  expect(written.err).toMatch(/matrices are f16/)
  expect((await runCommand(['export', model, file, '--type', 'q8_0'])).code).toBe(2)
  const sharded = ['export', model, file, '--format', 'gguf', '--shard-size', '1MB']
  expect((await runCommand(sharded)).code).toBe(2)
})
