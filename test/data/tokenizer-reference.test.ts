import fc from '../helpers/property.js'
import { expect, test } from 'vitest'
import { pieceTypes, type BpeDefinition, type BpePiece } from '../../lib/data/tokenizer/bpe-definition.js'
import { BpeTokenizer } from '../../lib/data/tokenizer/bpe-tokenizer.js'

/** The rule of the merges, written plainly: join the best pair, the leftmost of equals, until none is left. */
function encodeNaively(definition: BpeDefinition, text: string): number[] {
  const idOf = new Map(definition.pieces.map((piece, id) => [piece.text, id]))
  const scoreOf = new Map(
    definition.pieces.filter((p) => p.type === pieceTypes.normal).map((p) => [p.text, p.score]),
  )
  const symbols = [...(text === '' ? '' : '▁' + text.replaceAll(' ', '▁'))]
  for (;;) {
    let best = -1
    let bestScore = -Infinity
    for (let i = 0; i + 1 < symbols.length; i++) {
      const score = scoreOf.get(symbols[i]! + symbols[i + 1]!)
      if (score !== undefined && score > bestScore) [best, bestScore] = [i, score]
    }
    if (best < 0) break
    symbols.splice(best, 2, symbols[best]! + symbols[best + 1]!)
  }
  return symbols.flatMap((symbol) =>
    scoreOf.has(symbol) ? [idOf.get(symbol)!] : [...Buffer.from(symbol)].map((byte) => firstByteId + byte),
  )
}

const firstByteId = 3

function definitionOf(normal: readonly (readonly [text: string, score: number])[]): BpeDefinition {
  const control = (text: string): BpePiece => ({ text, score: 0, type: pieceTypes.control })
  const bytes = Array.from({ length: 256 }, (_, byte): BpePiece => {
    const text = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
    return { text, score: 0, type: pieceTypes.byte }
  })
  return {
    pieces: [
      { text: '<unk>', score: 0, type: pieceTypes.unknown },
      control('<s>'),
      control('</s>'),
      ...bytes,
      ...normal.map(([text, score]) => ({ text, score, type: pieceTypes.normal })),
    ],
    bosId: 1,
    eosId: 2,
    unkId: 0,
    dummyPrefix: true,
  }
}

/**
 * Few letters and few scores, so pieces overlap and scores are equal; most pieces join two others, as merges do.
 * The letters need not be pieces themselves, and some pieces cannot be reached by merges.
 */
const vocabulary = fc
  .array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: -12, max: 0 })), { maxLength: 40 })
  .map((joins) => {
    const pairs = ['aa', 'ab', 'ba', 'bb', 'aé', 'éa', 'bé', 'éb', 'éé'] // all: so long words stay whole
    const texts = ['a', 'b', 'é', '▁', 'ba▁']
    const scores = new Map([['▁', -20], ...pairs.map((pair, i) => [pair, -(i % 13)] as const)])
    for (const [left, right, score] of joins) {
      const text = texts[left % texts.length]! + (right % 8 === 0 ? '' : texts[right % texts.length]!)
      if (scores.has(text) || text.length > 12) continue
      texts.push(text)
      scores.set(text, score)
    }
    return [...scores]
  })

test('any vocabulary gives the ids of the plain rule, for short and for long words', () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'é', 'q', '▁'), maxLength: 40 }),
    fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 49, maxLength: 150 }),
    fc.string({ unit: fc.constantFrom('a', ' '), minLength: 49, maxLength: 150 }),
  )
  fc.assert(
    fc.property(vocabulary, fc.array(text, { minLength: 1, maxLength: 8 }), (pieces, texts) => {
      const definition = definitionOf(pieces)
      const tokenizer = new BpeTokenizer('random', definition)
      for (const text of texts) expect([...tokenizer.encode(text)]).toEqual(encodeNaively(definition, text))
      tokenizer.dispose()
    }),
    { numRuns: 300 },
  )
})

test('a merge that its neighbour overtook is dropped, not done early', () => {
  // ab (−5) waits; bc (−3) goes first and makes it abc (−10), which must now wait for bcd (−7).
  const definition = definitionOf([
    ['▁', -20],
    ...([
      ['ab', -5],
      ['bc', -3],
      ['abc', -10],
      ['bcd', -7],
      ['da', -20],
    ] as const),
  ])
  const tokenizer = new BpeTokenizer('overtaken', definition)
  const text = 'abcd'.repeat(20)
  expect([...tokenizer.encode(text)]).toEqual(encodeNaively(definition, text))
})
