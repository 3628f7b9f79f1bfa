import { describe, expect, it } from 'vitest'
import type { LearningRateConfig } from '../../lib/config/types.js'
import { learningRateAt } from '../../lib/optim/schedule.js'

const base: LearningRateConfig = { shape: 'cosine', peak: 2, warmupSteps: 4, decaySteps: 0, floor: 0 }

function rates(config: Partial<LearningRateConfig>, totalSteps: number): number[] {
  return Array.from({ length: totalSteps }, (_, step) =>
    learningRateAt({ ...base, ...config }, step, totalSteps),
  )
}

function close(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12))
}

describe('learningRateAt', () => {
  it('has rate 0 in the first step and the peak in the step after the warm-up', () => {
    for (const shape of ['cosine', 'linear', 'constant', 'warmup-stable-decay'] as const) {
      const all = rates({ shape, decaySteps: shape === 'warmup-stable-decay' ? 3 : 0 }, 12)
      close(all.slice(0, 5), [0, 0.5, 1, 1.5, 2])
    }
  })

  it('cosine falls by half a wave', () => {
    const half = Math.SQRT1_2
    close(rates({ warmupSteps: 0 }, 4), [2, 1 + half, 1, 1 - half])
  })

  it('linear falls evenly, and would reach 0 one step after the last', () => {
    close(rates({ shape: 'linear' }, 8), [0, 0.5, 1, 1.5, 2, 1.5, 1, 0.5])
  })

  it('constant stays', () => {
    close(rates({ shape: 'constant', warmupSteps: 1 }, 4), [0, 2, 2, 2])
  })

  it('warmup-stable-decay stays at the peak until the decay begins', () => {
    const shape = 'warmup-stable-decay'
    close(rates({ shape, warmupSteps: 2, decaySteps: 2 }, 7), [0, 1, 2, 2, 2, 2, 1])
  })

  it('ends at the floor and never falls below it', () => {
    for (const shape of ['cosine', 'linear', 'warmup-stable-decay'] as const) {
      const config = { ...base, shape, floor: 0.1, warmupSteps: 0, decaySteps: 50 }
      expect(learningRateAt(config, 100, 100)).toBeCloseTo(0.2, 12)
      for (const rate of rates(config, 100)) expect(rate).toBeGreaterThanOrEqual(0.2)
    }
  })

  it('needs neither warm-up nor decay', () => {
    close(rates({ warmupSteps: 0 }, 1), [2])
    close(rates({ shape: 'warmup-stable-decay', warmupSteps: 0, decaySteps: 0 }, 2), [2, 2])
  })
})
