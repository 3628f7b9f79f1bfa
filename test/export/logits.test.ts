import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { bytesOf } from '../../lib/checkpoint/region.js'
import { writeSafetensors } from '../../lib/checkpoint/safetensors.js'
import { exportHuggingFace } from '../../lib/export/huggingface.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { parameterTable } from '../../lib/model/parameters.js'
import { readerOf, writerOf } from '../checkpoint/fixture.js'
import { flatten } from '../helpers/flat-weights.js'
import { goldenIds } from '../helpers/golden-weights.js'
import { goldenModels, goldenWeights } from '../helpers/golden.js'
import { runModel } from '../helpers/run-model.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

/** Runs only where a Python with transformers is named; see test/oracle/README.md. */
const python = process.env['PATCHTRAIN_ORACLE']
/** An exported folder to check as well: that of a run, say. */
const exported = process.env['PATCHTRAIN_ORACLE_MODEL']
const script = fileURLToPath(new URL('../oracle/check-export.py', import.meta.url))

/** Computes the logits of some tokens with the weights of the folder, and lets transformers do the same. */
async function compare(folder: string): Promise<string> {
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
  await writeFile(join(request, 'ids.json'), JSON.stringify({ ids, logitsFile: 'logits.safetensors' }))
  const { stdout } = await promisify(execFile)(python!, [script, folder, join(request, 'ids.json')])
  return stdout
}

describe.skipIf(!python)('transformers computes our logits', { timeout: 120_000 }, () => {
  test.each(goldenModels.filter(({ patchSize }) => patchSize === 1))(
    'from an export of $name',
    async ({ config }) => {
      const folder = join(temporaryFolder(), 'model')
      const weights = readerOf(flatten(config, goldenWeights(config)))
      const settings = { positions: 48, bosId: 1, eosId: 2 }
      await exportHuggingFace({ folder, model: config, settings, weights })
      expect(await compare(folder)).toContain('off by')
    },
  )

  test.skipIf(!exported)('from the folder in PATCHTRAIN_ORACLE_MODEL', async () => {
    console.log(await compare(exported!))
  })
})
