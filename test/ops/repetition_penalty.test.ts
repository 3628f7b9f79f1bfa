import { describe, expect, it } from 'vitest'
import { normals } from '../helpers/random-data.js'
import { runEverywhere } from '../helpers/run-everywhere.js'
import { runOp } from '../helpers/run-op.js'
import { single } from './reference/precision.js'
import { repetitionPenalty } from './reference/repetition-penalty.js'

const seenOf = (V: number) => Int32Array.from({ length: V }, (_, v) => (v % 3 === 1 ? v : 0))
const tensorsOf = (logits: Float32Array, seen: Int32Array) => ({
  logits: { data: logits, shape: [logits.length] },
  seen: { data: seen, shape: [seen.length] },
})

describe('repetition_penalty', () => {
  it.each([
    [1, 1.3],
    [17, 0.7],
    [131, 1],
    [40_003, 1.3],
  ])(
    'changes the logits of seen tokens as fp32 does, and no others: %i logits, penalty %f',
    async (V, penalty) => {
      const logits = normals(V, 1, 3)
      const expected = Float32Array.from(repetitionPenalty(logits, seenOf(V), penalty, single))
      for (const result of await runEverywhere('repetition_penalty', tensorsOf(logits, seenOf(V)), {
        penalty,
      }))
        expect(result.logits).toEqual(expected)
    },
  )

  it('makes a token less likely on both sides of zero, and leaves zero and infinity', async () => {
    const logits = Float32Array.of(3, -3, 0, -Infinity, 3)
    const { logits: after } = await runOp(
      'repetition_penalty',
      tensorsOf(logits, Int32Array.of(1, -1, 1, 1, 0)),
      { penalty: 2 },
    )
    expect([...after!]).toEqual([1.5, -6, 0, -Infinity, 3])
  })

  it('refuses another number of marks than of logits', async () => {
    const run = runOp('repetition_penalty', tensorsOf(new Float32Array(3), new Int32Array(4)), { penalty: 2 })
    await expect(run).rejects.toThrow('seen is [4], logits is [3]')
  })
})
