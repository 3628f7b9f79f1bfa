import type { MetricsLine } from './metrics.js'

/** A point of a curve, over both axes at once. */
export interface LossPoint {
  readonly tokens: number
  readonly flops: number
  readonly loss: number
}

/** Neighbouring steps drawn as one: their mean, and how far single steps were from it. */
export interface TrainPoint extends LossPoint {
  readonly low: number
  readonly high: number
}

export interface StageCurve {
  readonly patchSize: number
  readonly points: readonly TrainPoint[]
}

export interface LossSeries {
  readonly stages: readonly StageCurve[]
  /** A piece for each stage: the validation loss jumps at a switch, and a line across the jump would mislead. */
  readonly validation: readonly (readonly LossPoint[])[]
}

type Step = Extract<MetricsLine, { type: 'step' }>

/**
 * Curves of one run from its metrics. Steps are averaged in buckets, never across a switch of stages: a patch loss and a
 * token loss are not the same quantity. Losses that are no numbers are left out.
 *
 * @param buckets points that the longest stage may have
 */
export function lossSeries(events: readonly MetricsLine[], buckets = 120): LossSeries {
  const steps = new Map<number, Step[]>()
  const validation: LossPoint[][] = []
  let stageNow = -1
  for (const event of events) {
    if ((event.type === 'stage' || event.type === 'step') && stageIndex(event) !== stageNow) {
      stageNow = stageIndex(event)
      validation.push([])
    }
    if (event.type === 'step' && Number.isFinite(event.loss)) {
      const stage = steps.get(event.stage)
      if (stage) stage.push(event)
      else steps.set(event.stage, [event])
    }
    if (event.type === 'evaluation' && Number.isFinite(event.loss)) validation.at(-1)?.push(event)
  }
  const longest = Math.max(1, ...[...steps.values()].map((stage) => stage.length))
  const bucket = Math.ceil(longest / buckets)
  const stages = [...steps.values()].map((all): StageCurve => ({
    patchSize: all[0]!.patchSize,
    points: chunks(all, bucket).map(summary),
  }))
  return { stages, validation: validation.filter((piece) => piece.length > 0) }
}

function stageIndex(event: Extract<MetricsLine, { type: 'stage' | 'step' }>): number {
  return event.type === 'stage' ? event.index : event.stage
}

function summary(steps: readonly Step[]): TrainPoint {
  const losses = steps.map((step) => step.loss)
  const mean = (of: (step: Step) => number) => steps.reduce((sum, step) => sum + of(step), 0) / steps.length
  return {
    tokens: mean((step) => step.tokens),
    flops: mean((step) => step.flops),
    loss: mean((step) => step.loss),
    low: Math.min(...losses),
    high: Math.max(...losses),
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}
