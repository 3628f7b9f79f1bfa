import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from '../helpers/property.js'
import { expect, test } from 'vitest'
import { parseSentencePieceModel } from '../../lib/data/tokenizer/sentencepiece-model.js'
import { loadAddon } from '../../lib/native/load.js'
import type { BpeTokenizerOptions } from '../../lib/native/addon.js'

const { addon } = loadAddon()
const modelFile = fileURLToPath(new URL('golden/tokenizer/plain.model', import.meta.url))
const { pieces, ...rest } = parseSentencePieceModel(readFileSync(modelFile), modelFile)
const options: BpeTokenizerOptions = {
  texts: Buffer.from(pieces.map((piece) => piece.text).join('')),
  lengths: Uint32Array.from(pieces, (piece) => Buffer.byteLength(piece.text)),
  scores: Float32Array.from(pieces, (piece) => piece.score),
  types: Uint8Array.from(pieces, (piece) => piece.type),
  ...rest,
}

const anyArgument = fc.oneof(
  fc.anything(),
  fc.string(),
  fc.boolean(),
  fc.array(fc.string(), { maxLength: 3 }),
  fc.int32Array({ min: -2, max: 800, maxLength: 8 }),
  fc.constantFrom<unknown>(0, 1, 2, -1, 2 ** 31, 2 ** 53, Number.NaN, addon, new ArrayBuffer(8)),
)

type Method = (this: unknown, ...args: unknown[]) => unknown
const methods = [addon.BpeTokenizer, addon.BpeDecoder].flatMap((type) =>
  Object.entries(Object.getOwnPropertyDescriptors(type.prototype as object))
    .filter(([name]) => name !== 'constructor' && name !== 'dispose')
    .map(([name, { value }]) => [name, value as Method] as const),
)

/** Whatever happens, it is a value or an Error. */
async function survives(call: () => unknown): Promise<void> {
  try {
    await call()
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
  }
}

test('no native method of the tokenizer crashes, whatever it is called with and on', async () => {
  const tokenizer = new addon.BpeTokenizer(options)
  const decoder = new addon.BpeDecoder(tokenizer)
  const receivers = fc.oneof(
    fc.constantFrom<unknown>(tokenizer, tokenizer, decoder, decoder, addon),
    fc.anything(),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...methods),
      receivers,
      fc.array(anyArgument),
      ([, method], self, args) => survives(() => method.apply(self, args)),
    ),
    { numRuns: 2_000 },
  )
})

test('no construction crashes with wrong options', async () => {
  const names = Object.keys(options) as (keyof BpeTokenizerOptions)[]
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), anyArgument, async (name, value) => {
      await survives(() => new addon.BpeTokenizer({ ...options, [name]: value }))
      await survives(() => new addon.BpeDecoder(value as never))
      await survives(() => new addon.BpeTokenizer(value as never))
    }),
    { numRuns: 500 },
  )
})

test('a getter that detaches a buffer or disposes the tokenizer is survived', async () => {
  const texts = Uint8Array.from(options.texts)
  const hostile = {
    ...options,
    texts,
    get dummyPrefix() {
      structuredClone(texts, { transfer: [texts.buffer] })
      return true
    },
  }
  expect(() => new addon.BpeTokenizer(hostile)).toThrow(/options.texts/)

  const tokenizer = new addon.BpeTokenizer(options)
  const batch = Object.defineProperty(['a', 'b'], 1, {
    get() {
      tokenizer.dispose()
      return 'b'
    },
  })
  expect(() => tokenizer.encodeBatch(batch, false, false, 1)).toThrow(
    expect.objectContaining({ code: 'ERR_DISPOSED' }),
  )
})
