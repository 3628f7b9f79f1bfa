import type { HealthError } from '../errors.js'
import { NonFiniteError, SpikeError } from '../errors.js'
import type { HealthEvent } from '../events.js'
import type { Run } from './run.js'

/** The error that a run ends with when a step looked bad: what was seen, in which data, and what can be done. */
export function healthError(run: Run, health: HealthEvent, noWayBack: boolean): HealthError {
  const { step, loss, gradientNorm, batch, budgetLeft } = health
  const { name } = run.config.stages[health.stage]!
  const where = `in samples ${batch.firstSample} … ${batch.firstSample + batch.sequences - 1} of stage '${name}'`
  const values = `loss ${loss ?? 'not finite'}, gradient norm ${gradientNorm ?? 'not finite'}`
  const why = noWayBack
    ? ' There is no checkpoint to roll back to.'
    : run.config.health.budget > 0 && budgetLeft === 0
      ? ` The budget of ${run.config.health.budget} skips and rollbacks (health.budget) is spent.`
      : ''
  const remedy =
    `The weights were not changed.${why} Look at the step with 'patchtrain inspect ${run.config.out} --step ${step}'; ` +
    'then lower the learning rate, lengthen the warm-up, or have such steps left out (health in config.yaml).'
  return health.finding === 'non-finite'
    ? new NonFiniteError(
        `Step ${step}: the ${loss === null ? 'loss' : 'gradient'} is not finite (${values}), ${where}. ${remedy}`,
        step,
      )
    : new SpikeError(`Step ${step}: ${values} are far above their recent mean, ${where}. ${remedy}`, step)
}
