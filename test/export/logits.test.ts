import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { bytesOf } from '../../lib/checkpoint/region.js'
import { writeSafetensors } from '../../lib/checkpoint/safetensors.js'
import { generate, loadModel } from '../../lib/index.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { readerOf, writerOf } from '../checkpoint/fixture.js'
import { flatten } from '../helpers/flat-weights.js'
import { goldenIds } from '../helpers/golden-weights.js'
import { goldenModels, goldenWeights } from '../helpers/golden.js'
import { publicModel } from '../helpers/public-model.js'
import { runModel } from '../helpers/run-model.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { runTiny, tinyConfig } from '../helpers/tiny-run.js'

/** Runs only where a Python with transformers is named; see test/oracle/README.md. */
const python = process.env['PATCHTRAIN_ORACLE']
/** An exported folder to check as well: that of a run, say. */
const exported = process.env['PATCHTRAIN_ORACLE_MODEL']
const script = fileURLToPath(new URL('../oracle/check-export.py', import.meta.url))

/** What to write after, always the likeliest token. */
const greedy = { prompt: 'The king said to his', tokens: 40 }

/**
 * Computes the logits of some tokens with the weights of the folder, and lets transformers do the same; and text, where
 * the folder has a tokenizer.
 */
async function compare(folder: string, withText: boolean): Promise<string> {
  const source = await HuggingFaceModel.open(folder)
  const { model } = source
  const weights = new Float32Array(parameterTable(model).size)
  await source.load(writerOf(weights))
  await source.close()

  const batch = [0, 1000].map((first) => goldenIds(first, 48, model.vocabSize))
  const { logits } = await runModel(model, weights, [batch], 1)
  const request = temporaryFolder()
  await writeSafetensors(join(request, 'logits.safetensors'), [
    { name: 'logits', dtype: 'F32', shape: [2, 48, model.vocabSize], data: bytesOf(logits) },
  ])
  const ids = batch.map((row) => [...row])
  const text = withText && { greedy: { ...greedy, text: await greedyText(folder) } }
  const file = join(request, 'request.json')
  await writeFile(file, JSON.stringify({ ids, logitsFile: 'logits.safetensors', ...text }))
  const { stdout } = await promisify(execFile)(python!, [script, folder, file])
  return stdout
}

async function greedyText(folder: string): Promise<string> {
  const model = await loadModel(folder, { device: 'cpu' })
  try {
    let text = ''
    for await (const piece of generate(model, greedy.prompt, { maxTokens: greedy.tokens, temperature: 0 }))
      text += piece
    return text
  } finally {
    model.dispose()
  }
}

describe.skipIf(!python)('transformers computes our logits', { timeout: 120_000 }, () => {
  test.each(goldenModels.filter(({ patchSize }) => patchSize === 1))(
    'from an export of $name',
    async ({ config }) => {
      const folder = join(temporaryFolder(), 'model')
      const weights = readerOf(flatten(config, goldenWeights(config)))
      const settings = { positions: 48, bosId: 1, eosId: 2 }
      await exportHuggingFace({ folder, model: config, settings, weights })
      expect(await compare(folder, false)).toContain('off by')
    },
  )

  test.skipIf(!exported)('from the folder in PATCHTRAIN_ORACLE_MODEL', async () => {
    console.log(await compare(exported!, true))
  })

  test('and writes our greedy text, from weights that make it a long walk', async () => {
    expect(await compare(await publicModel(temporaryFolder()), true)).toContain('the same greedy text')
  })

  test.each(['bytes', fileURLToPath(new URL('../data/golden/tokenizer/plain.model', import.meta.url))])(
    'and writes our greedy text, from the model of a run (tokenizer: %s)',
    async (tokenizer) => {
      const config = tinyConfig(temporaryFolder())
      await runTiny({ ...config, data: { ...config.data, tokenizer } })
      expect(await compare(join(config.out!, 'model'), true)).toContain('the same greedy text')
    },
  )
})
