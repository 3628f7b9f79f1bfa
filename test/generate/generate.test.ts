import { describe, expect, it } from 'vitest'
import { generate, type BatchPiece, type Writer } from '../../lib/generate/generate.js'
import type { GenerateOptions } from '../../lib/generate/options.js'
import type { GenerationEnd } from '../../lib/generate/text-stream.js'
import { flatten } from '../helpers/flat-weights.js'
import { goldenWeights } from '../helpers/golden.js'
import { runModel } from '../helpers/run-model.js'
import { tinyWriter, tinyWriterModel } from '../helpers/tiny-writer.js'

async function write(writer: Writer, prompt: string, options: GenerateOptions) {
  const pieces = generate(writer, prompt, options)
  const texts: string[] = []
  for (;;) {
    const { done, value } = await pieces.next()
    if (done) return { text: texts.join(''), pieces: texts, end: value }
    texts.push(value)
  }
}

async function writeAll(writer: Writer, prompts: readonly string[], options: GenerateOptions) {
  const texts = prompts.map(() => ({ text: '', end: undefined as GenerationEnd | undefined }))
  const order: BatchPiece[] = []
  for await (const piece of generate(writer, prompts, options)) {
    order.push(piece)
    expect(texts[piece.prompt]!.end, 'nothing comes after the end').toBeUndefined()
    texts[piece.prompt]!.text += piece.text
    texts[piece.prompt]!.end = piece.end
  }
  return { texts, order }
}

const prompts = [
  'ROMEO:',
  '',
  'a longer prompt, which takes more than one pass of thirty-two rows',
  'x',
  'y',
  'zz',
]

describe('generate', () => {
  it('takes at temperature 0 the likeliest token of the whole model, after prompts of every length', async () => {
    const writer = await tinyWriter(128)
    const weights = flatten(tinyWriterModel, goldenWeights(tinyWriterModel))
    const { vocabSize: V } = tinyWriterModel
    for (const length of [0, 1, 31, 32, 33, 70, 100]) {
      const prompt = 'All the world is a stage, and all the men and women merely players. '
        .repeat(2)
        .slice(0, length)
      const { text, end } = await write(writer, prompt, { temperature: 0, maxTokens: 4 })
      const bytes = Buffer.from(text)
      const ids = [256, ...Buffer.from(prompt), ...bytes]
      const { logits } = await runModel(tinyWriterModel, weights, [[Int32Array.from([...ids, 0])]], 1)
      for (let i = 0; i < bytes.length && !text.includes('\ufffd'); i++) {
        const row = logits.subarray((length + i) * V, (length + i + 1) * V)
        expect(row.indexOf(Math.max(...row)), `token ${i} after ${length}`).toBe(bytes[i])
      }
      expect(end.tokens).toBeGreaterThan(0)
    }
  })

  it('gives each of several prompts the text it gets alone, with its own seed', async () => {
    const writer = await tinyWriter()
    const options = { maxTokens: 20, seed: 5, temperature: 1, repetitionPenalty: 1.2 }
    const alone = []
    for (const [i, prompt] of prompts.entries())
      alone.push(await write(writer, prompt, { ...options, seed: options.seed + i }))
    expect(new Set(alone.map(({ text }) => text)).size).toBe(prompts.length)
    for (const batchSize of [1, 2, 5, 100]) {
      const { texts } = await writeAll(writer, prompts, { ...options, batchSize })
      expect(texts, `${batchSize} at a time`).toEqual(alone.map(({ text, end }) => ({ text, end })))
    }
  })

  it('writes several texts side by side, and the next one where one has ended', async () => {
    const { order } = await writeAll(await tinyWriter(), prompts, {
      maxTokens: 6,
      batchSize: 2,
      temperature: 1,
    })
    const begun = order.map(({ prompt }) => prompt)
    const ended = (prompt: number) => order.findIndex((piece) => piece.prompt === prompt && piece.end)
    expect(begun.indexOf(1)).toBeLessThan(ended(0))
    expect(begun.indexOf(2)).toBeGreaterThan(Math.min(ended(0), ended(1)))
    expect(begun.indexOf(2)).toBeLessThan(Math.max(ended(0), ended(1)) + 2)
  })

  it('cuts the text before a stop string and says so, wherever tokens end', async () => {
    const writer = await tinyWriter()
    const options = { maxTokens: 30, temperature: 1, seed: 3 }
    const { text } = await write(writer, 'ROMEO:', options)
    for (let at = 2; at + 3 < text.length; at += 4) {
      const stop = text.slice(at, at + 3)
      const cut = await write(writer, 'ROMEO:', { ...options, stop: ['never to be', stop] })
      expect(cut.text).toBe(text.slice(0, text.indexOf(stop)))
      expect(cut.end.reason).toBe('stop')
    }
  })

  it('a strong penalty leaves no token to come twice, that of the prompt included', async () => {
    const writer = await tinyWriter()
    const { text } = await write(writer, 'ROMEO:', { temperature: 0, maxTokens: 24, repetitionPenalty: 100 })
    const plain = await write(writer, 'ROMEO:', { temperature: 0, maxTokens: 24 })
    expect(plain.text).not.toBe(text)
    const characters = [...`ROMEO:${text}`].filter((character) => character !== '\ufffd').slice(6)
    expect(new Set(characters).size).toBe(characters.length)
    expect(characters.some((character) => 'ROME:'.includes(character))).toBe(false)
  })

  it('goes on beyond the context, alone and in company', async () => {
    const writer = await tinyWriter(16)
    const options = { maxTokens: 50, temperature: 0.7, batchSize: 2, seed: 11 }
    const { texts } = await writeAll(writer, ['a', 'a prompt longer than the context'], options)
    const alone = await write(writer, 'a', options)
    expect(texts[0]).toEqual({ text: alone.text, end: alone.end })
    expect(texts[1]!.end!.tokens).toBeGreaterThan(16)
  })

  it('stops at once when the signal says so, and gives its memory back', async () => {
    const writer = await tinyWriter()
    const before = writer.device.regions().length
    const controller = new AbortController()
    const pieces = generate(writer, 'ROMEO:', { signal: controller.signal, temperature: 1 })
    await pieces.next()
    controller.abort()
    await expect(pieces.next()).rejects.toMatchObject({ name: 'AbortError' })
    for await (const piece of generate(writer, ['a', 'b'], { temperature: 1 })) {
      expect(piece.text).toBeDefined()
      break
    }
    expect(writer.device.regions().length).toBe(before)
    const aborted = generate(writer, 'x', { signal: AbortSignal.abort() })
    await expect(aborted.next()).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('of no prompts gives nothing, of no tokens an end', async () => {
    const writer = await tinyWriter()
    expect((await writeAll(writer, [], {})).order).toEqual([])
    expect(await write(writer, 'x', { maxTokens: 0 })).toMatchObject({
      text: '',
      end: { reason: 'length', tokens: 0 },
    })
  })

  it.each([
    { prompt: null },
    { prompt: undefined },
    { prompt: 3 },
    { prompt: ['a', null] },
    { prompt: [['a']] },
  ])('refuses $prompt for a prompt', async ({ prompt }) => {
    const pieces = generate(await tinyWriter(), prompt as unknown as string[])
    await expect(pieces.next()).rejects.toMatchObject({ code: 'ERR_CONFIG', path: 'prompt' })
  })
})
