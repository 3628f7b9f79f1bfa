import { join } from 'node:path'
import { expect, it } from 'vitest'
import { generate } from '../../lib/generate/generate.js'
import { loadModel } from '../../lib/eval/model.js'
import { evaluatePerplexity } from '../../lib/eval/perplexity.js'
import { runTiny, temporaryFolder, tinyConfig } from '../helpers/tiny-run.js'

async function trained(): Promise<string> {
  const folder = temporaryFolder()
  await runTiny(tinyConfig(folder))
  return join(folder, 'run')
}

async function text(pieces: AsyncIterable<string>): Promise<string> {
  let all = ''
  for await (const piece of pieces) all += piece
  return all
}

it('a seed gives one text, and with temperature 0 the cache gives what reading everything again gives', async () => {
  const run = await trained()
  const model = await loadModel(run)
  const sampled = () => text(generate(model, 'ROMEO:', { maxTokens: 24, seed: 3 }))
  expect(await sampled()).toBe(await sampled())
  const greedy = { maxTokens: 12, temperature: 0 }
  const whole = await text(generate(model, 'ROMEO:', greedy))
  let again = ''
  for (let i = 0; i < 12; i++)
    again += await text(generate(model, `ROMEO:${again}`, { ...greedy, maxTokens: 1 }))
  expect(again).toBe(whole)
  model.dispose()
})

it('a loaded model writes by itself, one prompt or several', async () => {
  const model = await loadModel(await trained())
  const options = { maxTokens: 8, seed: 3 }
  expect(await text(model.generate('ROMEO:', options))).toBe(await text(generate(model, 'ROMEO:', options)))
  const texts = ['', '']
  for await (const { prompt, text: piece } of model.generate(['ROMEO:', 'x'], options)) texts[prompt] += piece
  expect(texts[0]).toBe(await text(model.generate('ROMEO:', options)))
  model.dispose()
})

it('a text may grow beyond the context the model was trained with', async () => {
  const model = await loadModel(await trained())
  expect((await text(generate(model, 'ROMEO:', { maxTokens: 100, temperature: 0 }))).length).toBeGreaterThan(
    model.context,
  )
  model.dispose()
})

it('a prompt is continued, not begun anew: the first word keeps its space', async () => {
  const model = await loadModel(await trained())
  // A stand-in for a tokenizer that takes the space from the start of a text, as SentencePiece's does.
  const tokenizer = Object.create(model.tokenizer, {
    createDecoder: {
      value: () => {
        let first = true
        return {
          push: () => (first ? ((first = false), 'x') : ' x'),
          end: () => '',
        }
      },
    },
  }) as typeof model.tokenizer
  expect(await text(generate({ ...model, tokenizer }, 'ROMEO:', { maxTokens: 2 }))).toBe(' x x')
  model.dispose()
})

it('options that make no sense are refused before anything is written', async () => {
  const model = await loadModel(await trained())
  for (const options of [
    { temperature: -1 },
    { topP: 0 },
    { topP: 2 },
    { topK: 0.5 },
    { seed: 1.5 },
    { maxTokens: -3 },
  ])
    await expect(text(generate(model, 'x', options)), JSON.stringify(options)).rejects.toMatchObject({
      code: 'ERR_CONFIG',
    })
  model.dispose()
})

it('a model is the same from the run, its checkpoint and its export', async () => {
  const run = await trained()
  const losses = []
  for (const folder of [run, join(run, 'model'), join(run, 'checkpoints', 'step-00000008')]) {
    const model = await loadModel(folder)
    const { loss, blocks, dropped, tokens } = await evaluatePerplexity(model, {
      files: 'data/tinyshakespeare.txt',
      maxTokens: 2048,
    })
    expect({ blocks, dropped: dropped > 0, tokens }).toEqual({ blocks: 64, dropped: true, tokens: 1_115_394 })
    losses.push(loss)
    model.dispose()
  }
  expect(new Set(losses).size).toBe(1)
})

it('a folder without a model is refused by name', async () => {
  await expect(loadModel(temporaryFolder())).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISSING' })
})
