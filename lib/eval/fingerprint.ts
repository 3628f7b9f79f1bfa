import { createHash } from 'node:crypto'
import { readTensor } from '../tensor/tensor.js'
import type { EvaluatedModel } from './evaluated-model.js'

/** Weights read at a time. */
const piece = 16 << 20

/**
 * SHA-256, hexadecimal, of what a model computes from: its shape, its tokenizer, and every weight in the type that the
 * device computes with. Equal fingerprints mean equal log-likelihoods, up to rounding of other hardware.
 */
export async function modelFingerprint({ model, tokenizer, weights }: EvaluatedModel): Promise<string> {
  const hash = createHash('sha256')
  const shape = Object.entries(model).sort(([a], [b]) => (a < b ? -1 : 1))
  hash.update(JSON.stringify([shape, tokenizer.fingerprint, weights.dtype]))
  for (let begin = 0; begin < weights.table.size; begin += piece)
    hash.update(await readTensor(weights.range(begin, Math.min(begin + piece, weights.table.size))))
  return hash.digest('hex')
}
