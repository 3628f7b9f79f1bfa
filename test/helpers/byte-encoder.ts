import { createHash } from 'node:crypto'
import type { DocumentEncoder } from '../../lib/data/tokenize-corpus.js'

/** The simplest tokenizer there is: UTF-8 bytes, BOS 256, EOS 257. */
export function byteEncoder(overrides: Partial<DocumentEncoder> = {}): DocumentEncoder {
  return {
    name: 'test bytes',
    vocabSize: 258,
    bosId: 256,
    eosId: 257,
    fingerprint: createHash('sha256').update('test bytes').digest('hex'),
    encodeDocuments(texts) {
      const parts = texts.map((text) => Buffer.from(text))
      const offsets = new Int32Array(texts.length + 1)
      parts.forEach((part, i) => (offsets[i + 1] = offsets[i]! + part.length))
      return Promise.resolve({ ids: Int32Array.from(Buffer.concat(parts)), offsets })
    },
    ...overrides,
  }
}
