import { expect, it } from 'vitest'
import { learningRateAt } from '../../lib/optim/schedule.js'
import { goldenSchedules } from '../helpers/golden.js'

it.each(goldenSchedules.map((golden) => ({ ...golden, ...golden.learningRate })))(
  'gives the rate of transformers at every step: $shape, warm-up $warmupSteps of $totalSteps, floor $floor',
  ({ learningRate, totalSteps, rates }) => {
    rates.forEach((rate, step) => {
      expect(
        Math.abs(learningRateAt(learningRate, step, totalSteps) - rate),
        `step ${step}`,
      ).toBeLessThanOrEqual(1e-15 * learningRate.peak)
    })
  },
)
