import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { GenerateOptions } from '../../lib/generate/options.js'
import { runOp } from '../helpers/run-op.js'
import { philox, uniform } from '../ops/reference/philox.js'
import { candidates } from '../ops/reference/sample.js'
import { repetitionPenalty } from '../ops/reference/repetition-penalty.js'

interface GoldenSampling {
  readonly options: Required<Pick<GenerateOptions, 'temperature' | 'topK' | 'topP' | 'repetitionPenalty'>>
  readonly logits: readonly number[]
  /** Token ids so far. */
  readonly text: readonly number[]
  /** By transformers' logits processors, in double precision. */
  readonly probabilities: readonly number[]
}

const goldens = JSON.parse(
  readFileSync(new URL('../golden/sampling.json', import.meta.url), 'utf8'),
) as GoldenSampling[]
const seed = [42, 0] as const

describe.each(goldens)('$options', ({ options, logits, text, probabilities }) => {
  const { temperature, topK, topP, repetitionPenalty: penalty } = options
  const seen = Int32Array.from(logits, (_, id) => (text.includes(id) ? 1 : 0))

  it('leaves the distribution that transformers leaves', () => {
    const kept = candidates(repetitionPenalty(logits, seen, penalty), { seed, temperature, topK, topP })
    const mass = kept.reduce((sum, { p }) => sum + p, 0)
    const ours = logits.map((_, id) => (kept.find((candidate) => candidate.id === id)?.p ?? 0) / mass)
    ours.forEach((p, id) => expect(Math.abs(p - probabilities[id]!), `token ${id}`).toBeLessThan(1e-12))
  })

  it('draws from it, as the ops do it', async () => {
    const restricted = topK > 0 || topP < 1
    const order = [...probabilities.keys()]
    if (restricted) order.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b)
    for (let counter = 0; counter < 40; counter++) {
      const target = uniform(philox(seed, 3, counter)[0]!)
      let sum = 0
      const expected = order.find((id) => (sum += probabilities[id]!) > target)
      const penalised = await runOp(
        'repetition_penalty',
        {
          logits: { data: Float32Array.from(logits), shape: [logits.length] },
          seen: { data: seen, shape: [seen.length] },
        },
        { penalty },
      )
      const { token } = await runOp(
        'sample',
        {
          logits: { data: penalised.logits!, shape: [logits.length] },
          token: { data: Int32Array.of(-1), shape: [1] },
          counter: { data: Int32Array.of(counter), shape: [1] },
        },
        { seed_low: seed[0], seed_high: seed[1], temperature, top_k: topK, top_p: topP },
      )
      expect(token![0], `draw ${counter}`).toBe(expected)
    }
  })
})
