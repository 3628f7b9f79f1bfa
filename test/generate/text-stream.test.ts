import { describe, expect, it } from 'vitest'
import { BytesTokenizer } from '../../lib/data/tokenizer/bytes-tokenizer.js'
import { TextStream } from '../../lib/generate/text-stream.js'

const tokenizer = new BytesTokenizer()
const stream = (stop: string[] = [], maxTokens = 100) =>
  new TextStream(tokenizer, tokenizer.encode('prompt', { bos: true }), stop, maxTokens)

function pieces(text: TextStream, tokens: Iterable<number>) {
  const out = []
  for (const token of tokens) {
    const piece = text.push(token)
    out.push(piece.text)
    if (piece.end) return { out, end: piece.end }
  }
  return { out, end: undefined }
}

describe('a text stream', () => {
  it('gives characters whole, never half of their bytes', () => {
    const { out } = pieces(stream(), Buffer.from('aé🙂b'))
    expect(out).toEqual(['a', '', 'é', '', '', '', '🙂', 'b'])
  })

  it('ends at the end-of-text token, at an id without a meaning, after so many tokens, before a stop string', () => {
    expect(pieces(stream(), [97, tokenizer.eosId, 98])).toEqual({
      out: ['a', ''],
      end: { reason: 'end', tokens: 2 },
    })
    expect(pieces(stream(), [97, 300, 98]).end).toEqual({ reason: 'end', tokens: 2 })
    expect(pieces(stream([], 2), [97, 98, 99])).toEqual({
      out: ['a', 'b'],
      end: { reason: 'length', tokens: 2 },
    })
    expect(pieces(stream(['bc']), [97, 98, 99])).toEqual({
      out: ['a', '', ''],
      end: { reason: 'stop', tokens: 3 },
    })
  })

  it('gives at the end what it held back, and sees a stop string that only then is whole', () => {
    expect(pieces(stream(['bcd'], 3), [97, 98, 99]).out).toEqual(['a', '', 'bc'])
    expect(pieces(stream([], 2), [97, 0xf0]).out).toEqual(['a', '\ufffd'])
    expect(pieces(stream(['\ufffd'], 2), [97, 0xf0])).toEqual({
      out: ['a', ''],
      end: { reason: 'stop', tokens: 2 },
    })
  })
})
