import type { BpeDefinition } from '../../data/tokenizer/bpe-definition.js'
import type { GgufVocabulary } from './tokenizer.js'

/** A sentencepiece tokenizer; llama.cpp takes its pieces, scores and types as they are. */
export function sentencePieceVocabulary(definition: BpeDefinition): GgufVocabulary {
  const { pieces, bosId, eosId, unkId, dummyPrefix } = definition
  return {
    model: 'llama',
    pre: 'default',
    tokens: pieces.map(({ text }) => text),
    types: pieces.map(({ type }) => type),
    scores: pieces.map(({ score }) => score),
    bosId,
    eosId,
    unkId,
    addsBos: true,
    addsSpace: dummyPrefix,
  }
}
