import type { LearningRateConfig } from '../config/types.js'

/**
 * The learning rate of one optimizer step.
 *
 * Every shape equals its counterpart in Hugging Face transformers (`optimization.py`), step by step and in the order
 * of its operations, so that a run can be compared with a run of the reference:
 *
 * | shape                 | counterpart                                                                          |
 * | --------------------- | ------------------------------------------------------------------------------------ |
 * | `cosine`              | `get_cosine_schedule_with_warmup`; with a floor, `get_cosine_with_min_lr_schedule_…`   |
 * | `linear`              | `get_linear_schedule_with_warmup`, scaled into [floor, 1] as the cosine is            |
 * | `constant`            | `get_constant_schedule_with_warmup`                                                  |
 * | `warmup-stable-decay` | `get_wsd_schedule`: linear warm-up (from the floor, as there), cosine decay           |
 *
 * With a warm-up of w steps the factor of step t < w is t / w: the very first step has a rate of 0 and only fills
 * the optimizer's moments.
 *
 * @param step       0-based: updates made before this one, in the stage or run that the schedule spans
 * @param totalSteps updates in that span
 */
export function learningRateAt(config: LearningRateConfig, step: number, totalSteps: number): number {
  return config.peak * factorAt(config, step, totalSteps)
}

/** The rate as a share of the peak. */
function factorAt(config: LearningRateConfig, step: number, totalSteps: number): number {
  const { shape, warmupSteps, decaySteps, floor } = config
  if (step < warmupSteps) {
    const rise = step / warmupSteps
    return shape === 'warmup-stable-decay' ? scaled(rise, floor) : rise
  }
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps)
  switch (shape) {
    case 'constant':
      return 1
    case 'cosine':
      return scaled(halfCosine(progress), floor)
    case 'linear':
      return scaled(Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps)), floor)
    case 'warmup-stable-decay': {
      const decayed = step - (totalSteps - decaySteps)
      if (decayed < 0) return 1
      if (step >= totalSteps) return floor
      return scaled(halfCosine(decayed / Math.max(1, decaySteps)), floor)
    }
  }
}

/** 1 at progress 0, 0 at progress 1. */
function halfCosine(progress: number): number {
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)))
}

/** A factor of [0, 1] laid into [floor, 1]. */
function scaled(factor: number, floor: number): number {
  return factor * (1 - floor) + floor
}
