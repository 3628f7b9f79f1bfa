import type { StageConfig } from '../config/types.js'
import type { Ceilings } from '../native/addon.js'
import type { PlacedEntry } from '../native/device.js'

/** Where the time of a run's steps goes, stage by stage, on one device. */
export interface RunProfile {
  readonly name: string
  readonly device: string
  readonly parameters: number
  /** What the device can do at most: the better of two measurements, before the steps and after them. */
  readonly ceilings: Ceilings
  /** By what share the two differed in their FLOP/s; much of it tells of a busy machine. */
  readonly drift: number
  readonly stages: readonly StepProfile[]
}

/** One optimizer step of a stage: all its micro-batches and the update. */
export interface StepProfile {
  readonly stage: StageConfig
  /** Tokens a step. */
  readonly tokens: number
  /** How many steps were measured. */
  readonly steps: number
  readonly seconds: Spread
  /** Of all ops in a step, recomputed ones included; multiply and add counted apart. */
  readonly flops: number
  /** What the ops would take if each met its ceiling. */
  readonly floorSeconds: number
  /** All ops together; their medians added. */
  readonly opSeconds: number
  /** Median of what a step takes beside its ops: the queue, JavaScript, copying the tokens. */
  readonly outsideSeconds: number
  /**
   * opSeconds + outsideSeconds, which shares are of. Where something else kept the machine busy, single ops suffer from
   * it less often than whole steps, so this is less than the median step.
   */
  readonly partsSeconds: number
  /** The ops were timed in further steps that launched them one by one, because a step launches them as a whole. */
  readonly opsApart: boolean
  /** In order of execution. */
  readonly ops: readonly ProfiledOp[]
}

/** Of repeated measurements, seconds. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** A recorded op. All figures are those of one step, over all its runs in that step. */
export interface ProfiledOp {
  readonly op: string
  /** Where it stands in the step: `backward`, `layers.3`, `attention.qkv dW`. */
  readonly scope: readonly string[]
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly runs: number
  readonly flops: number
  /** Every tensor read or written once. */
  readonly bytes: number
  /** Median of the measured steps. */
  readonly seconds: number
  readonly floor: Floor
}

/** The least time that the ceilings allow, and which of them it is. */
export interface Floor {
  readonly seconds: number
  readonly bound: 'compute' | 'memory'
}

/** One measured step: its time by the wall clock, and of each op. */
export interface StepSample {
  readonly seconds: number
  /** As many as there are entries. */
  readonly opSeconds: readonly number[]
}

/** @param entries every op of a step; `runs` is how often one step runs it */
export function stepProfile(facts: {
  stage: StageConfig
  entries: readonly PlacedEntry[]
  samples: readonly StepSample[]
  ceilings: Ceilings
  opsApart?: boolean
}): StepProfile {
  const { stage, entries, samples, ceilings, opsApart = false } = facts
  const ops = entries.map((entry, i): ProfiledOp => {
    const { op, scope, runs, tensors } = entry
    const floor = floorOf(entry, ceilings)
    return {
      op,
      scope,
      shapes: Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape])),
      runs,
      flops: runs * entry.flops,
      bytes: runs * entry.bytes,
      seconds: median(samples.map(({ opSeconds }) => opSeconds[i]!)),
      floor: { ...floor, seconds: runs * floor.seconds },
    }
  })
  const wall = samples.map(({ seconds }) => seconds)
  return {
    stage,
    tokens: stage.batchSequences * stage.context * stage.patchSize,
    steps: samples.length,
    seconds: { median: median(wall), least: Math.min(...wall), most: Math.max(...wall) },
    flops: sum(ops.map((op) => op.flops)),
    floorSeconds: sum(ops.map((op) => op.floor.seconds)),
    ...partsOf(ops, samples),
    opsApart,
    ops,
  }
}

function partsOf(ops: readonly ProfiledOp[], samples: readonly StepSample[]) {
  const opSeconds = sum(ops.map((op) => op.seconds))
  // Ops that were timed apart may take longer than the step that launches them as a whole.
  const outside = median(samples.map(({ seconds, opSeconds }) => seconds - sum(opSeconds)))
  const outsideSeconds = Math.max(0, outside)
  return { opSeconds, outsideSeconds, partsSeconds: opSeconds + outsideSeconds }
}

/** Whether the parts of a step explain so little of it that it should be measured again. */
export function isUnsteady({ partsSeconds, seconds }: StepProfile): boolean {
  return partsSeconds < 0.95 * seconds.median
}

/** Whether the machine was busy while it was measured: even the better of its ceilings may be too low. */
export function isBusy({ drift }: RunProfile): boolean {
  return drift > 0.1
}

export function floorOf(cost: { flops: number; bytes: number }, ceilings: Ceilings): Floor {
  const compute = cost.flops / ceilings.flopsPerSecond
  const memory = cost.bytes / ceilings.bytesPerSecond
  return compute > memory ? { seconds: compute, bound: 'compute' } : { seconds: memory, bound: 'memory' }
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[upper]! : (sorted[upper - 1]! + sorted[upper]!) / 2
}
