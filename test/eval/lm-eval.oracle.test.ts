import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { runCommand } from '../helpers/run-cli.js'
import { sharedData } from '../helpers/shared-data.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { exportEvalModel } from '../helpers/eval-model.js'

/**
 * The harness itself against us, where a Python with lm-eval is named; see test/oracle/README.md. With
 * PATCHTRAIN_ORACLE_WRITE=1 the golden files of test/golden/eval are written anew.
 */
const python = process.env['PATCHTRAIN_ORACLE']
const write = process.env['PATCHTRAIN_ORACLE_WRITE'] === '1'
const script = fileURLToPath(new URL('../oracle/lm-eval-compare.py', import.meta.url))
const tasks = 'hellaswag,piqa,winogrande,arc_easy,arc_challenge,mmlu'

/** Evaluates here, then has the script do the same with the harness; it fails when they do not agree. */
async function compare(
  model: string,
  data: string,
  flags: readonly string[],
  asked: readonly string[] = [],
): Promise<string> {
  const folder = temporaryFolder()
  const samples = join(folder, 'samples.jsonl')
  const results = join(folder, 'results.json')
  const command = [
    'eval',
    model,
    '--data',
    data,
    '--samples',
    samples,
    '--json',
    '--quiet',
    '--device',
    'cpu',
  ]
  const { code, out, err } = await runCommand([...command, ...flags])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  writeFileSync(results, out)
  const limit = flags.includes('--limit') ? ['--limit', flags[flags.indexOf('--limit') + 1]!] : []
  const { stdout } = await promisify(execFile)(
    python!,
    [script, model, data, samples, results, ...limit, ...asked],
    { maxBuffer: 1 << 26 },
  )
  return stdout
}

/** Where a golden file is written anew. */
const keep = (name: string) => {
  const file = fileURLToPath(new URL(`../golden/eval/${name}.json`, import.meta.url))
  return write ? ['--golden', file] : []
}

describe.skipIf(!python)('lm-evaluation-harness', { timeout: 3_600_000 }, () => {
  test('says the same of every example, byte by byte', async () => {
    const folder = temporaryFolder()
    const data = writeEvalData(join(folder, 'data'))
    const model = await exportEvalModel(folder)
    await compare(model, data, ['--tasks', `${tasks},wikitext`], keep('bytes'))
    await compare(model, data, ['--tasks', 'mmlu', '--shots', '5'], keep('bytes-shots'))
  })

  const llama2 = sharedData('tokenizer/llama2')
  test.skipIf(!llama2)('says the same with the tokenizer of LLaMA-2', async () => {
    const folder = temporaryFolder()
    const data = writeEvalData(join(folder, 'data'))
    const model = await exportEvalModel(folder, llama2)
    await compare(model, data, ['--tasks', tasks])
    // Its texts begin with a space; see --tokenizer-file in the script.
    await compare(model, data, ['--tasks', `${tasks},wikitext`], ['--tokenizer-file', ...keep('llama2')])
  })

  const trained = process.env['PATCHTRAIN_ORACLE_MODEL']
  const official = sharedData('eval/mmlu/mmlu_dev.jsonl')
  test.skipIf(!trained || !official)('says the same of a trained model on the official data', async () => {
    const data = join(official!, '../../..')
    const flags = (process.env['PATCHTRAIN_ORACLE_EVAL'] ?? `--tasks ${tasks} --limit 20`).split(' ')
    console.log(await compare(trained!, data, flags))
  })
})
