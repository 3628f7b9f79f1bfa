import { describe, expect, it } from 'vitest'
import { rounded, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { runKernel } from '../helpers/run-kernel.js'
import { single } from '../ops/reference/precision.js'
import { repetitionPenalty } from '../ops/reference/repetition-penalty.js'

describe('repetition_penalty on CUDA', () => {
  // Less than a block of 256, whole blocks, a ragged last one.
  it.each([1, 255, 512, 1001])('is fp32, rounded to bf16, of %i logits', async (V) => {
    const logits = rounded(normals(V, 1, 3))
    const seen = Int32Array.from({ length: V }, (_, v) => v % 2)
    const tensors = {
      logits: { data: toBf16(logits), shape: [V] },
      seen: { data: seen, shape: [V] },
    }
    const expected = toBf16(repetitionPenalty(logits, seen, 1.3, single))
    for (const result of await runKernel('repetition_penalty', tensors, { penalty: 1.3 }))
      expect(result.logits).toEqual(expected)
  })
})
