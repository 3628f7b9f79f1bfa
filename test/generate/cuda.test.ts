import { expect, it } from 'vitest'
import { generate } from '../../lib/generate/generate.js'
import { kernelsMissing, trainingDevice } from '../helpers/run-kernel.js'
import { tinyWriter, tinyWriterModel } from '../helpers/tiny-writer.js'

const prompts = ['ROMEO:', 'a longer prompt, which takes more than one pass of thirty-two rows', 'x']
const options = { maxTokens: 6, temperature: 1, topK: 12, repetitionPenalty: 1.3, batchSize: 3 }

// A vocabulary of whole vectors, whose logits lie together, and one whose rows would not be aligned.
it.skipIf(kernelsMissing).each([264, 261])(
  'CUDA writes several texts at a time, the same in every run, of a vocabulary of %i',
  { timeout: 60_000 },
  async (vocabSize) => {
    const model = { ...tinyWriterModel, vocabSize, tiedHead: true }
    const write = async () => {
      const writer = await tinyWriter(96, { model }, trainingDevice)
      const texts = prompts.map(() => '')
      const ends = []
      for await (const { prompt, text, end } of generate(writer, prompts, options)) {
        texts[prompt] += text
        if (end) ends.push(end)
      }
      expect(ends).toHaveLength(3)
      return texts
    }
    expect(await write()).toEqual(await write())
  },
)
