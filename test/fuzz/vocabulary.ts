import type { BpeTokenizerOptions } from '../../lib/native/addon.js'
import type { ByteSource } from './byte-source.js'

/** A vocabulary from a fuzzer's bytes: the layout is described in native/vocabulary.h. */
export function readVocabulary(source: ByteSource, flags: number): BpeTokenizerOptions {
  const pieces: { text: Uint8Array; score: number; type: number }[] = []
  const add = (text: string | Uint8Array, type: number, score = 0) =>
    pieces.push({ text: Buffer.from(text), type, score })
  if (flags & 2) {
    add('<unk>', 2)
    add('<s>', 3)
    add('</s>', 3)
    for (let byte = 0; byte < 256; byte++) add(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 6)
    add('▁', 1)
  }
  for (let left = source.byte(); left > 0; left--) {
    const [type, score] = [source.byte(), source.signed()]
    add(source.take(source.byte()), type, score)
  }
  const [bosId, eosId] = flags & 4 ? [source.signed(), source.signed()] : [1, 2]
  return {
    texts: Buffer.concat(pieces.map(({ text }) => text)),
    lengths: Uint32Array.from(pieces, ({ text }) => text.length),
    scores: Float32Array.from(pieces, ({ score }) => score),
    types: Uint8Array.from(pieces, ({ type }) => type),
    bosId,
    eosId,
    dummyPrefix: (flags & 1) === 1,
  }
}
