import { join } from 'node:path'
import { expect, it } from 'vitest'
import { evaluateTasks } from '../../lib/eval/evaluate-tasks.js'
import { writeEvalData } from '../helpers/eval-data.js'
import { exportEvalModel, loadEvalModel } from '../helpers/eval-model.js'
import { kernelsMissing, trainingDevice } from '../helpers/run-kernel.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

it.skipIf(kernelsMissing)(
  'the same plans score on CUDA, as far as bf16 goes, and give the same bits again',
  { timeout: 300_000 },
  async () => {
    const folder = temporaryFolder()
    const exported = await exportEvalModel(folder, 'bytes', { width: 64, feedForward: 96, headDim: 32 })
    const data = writeEvalData(join(folder, 'data'), {
      'piqa/valid.jsonl': [
        { goal: 'Keep a door open', sol1: 'put a wedge under it', sol2: 'put a wedge above it' },
        { goal: 'Cool soup', sol1: 'stir it', sol2: 'heat it' },
      ],
      'piqa/valid-labels.lst': [0, 0],
      'wikitext/wikitext_document_level-test.json': [{ text: ' = Fen = \n A bog , and a " pool " . ' }],
    })
    const likelihoods = async (device: string) => {
      const model = await loadEvalModel(exported, device)
      const results = await evaluateTasks(model, ['piqa', 'wikitext'], { data })
      model.dispose()
      return results.map(({ metrics }) => metrics)
    }
    const cpu = await likelihoods('cpu')
    const cuda = await likelihoods(trainingDevice)
    const bits = (of: typeof cpu) => of[1]!['bits_per_byte']!.value
    // As in ../cuda/training.test.ts: weights and activations are each off by at most 2^-9 of themselves, and the mean of
    // many losses, which gathers errors of either sign, by no more than one of them.
    expect(Math.abs(bits(cuda) / bits(cpu) - 1)).toBeLessThan(2 ** -9)
    expect(await likelihoods(trainingDevice)).toEqual(cuda)
  },
)
