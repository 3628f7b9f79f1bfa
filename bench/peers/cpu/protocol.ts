// What the orchestrator and a contender say to each other: a contender is started with a Task as its last argument and
// answers on stdout, a line of JSON each: Ready once; a Turn for every line `turn`; a Finish for the line `finish`.

export interface Task {
  /** `step`, or the operation: see rows.ts. */
  readonly work: string
  /** In the project's letters. */
  readonly dims: Readonly<Record<string, number>>
  /** Where the work has one. */
  readonly optimizer?: OptimizerTask
  readonly threads: number
  /** Of PyTorch. */
  readonly form?: 'eager' | 'compile'
  /** Runs before the first turn, and runs in a turn. */
  readonly warmUps: number
  readonly repeats: number
  /** A file of tensors: written by ours, read by all others (see tensor-file.ts). */
  readonly inputs: string
}

export interface OptimizerTask {
  readonly learningRate: number
  readonly betas: readonly [number, number]
  readonly epsilon: number
  readonly weightDecay: number
  readonly gradientClip: number
}

export interface Ready {
  readonly ready: true
  /** What was computed before the first turn: the losses of the warm-up, or the norm of an operation's results. */
  readonly values: readonly number[]
  readonly versions: Readonly<Record<string, string>>
}

export interface Turn {
  /** Of one run. */
  readonly seconds: number
  /** The loss, where there is one. */
  readonly value: number | null
}

export interface Finish {
  /** Most resident memory since the warm-up, and what the process took before it prepared anything. */
  readonly peakBytes: number
  readonly baseBytes: number
  /** False: the peak counts preparation and compilation too, because the system does not let a process forget it. */
  readonly peakSinceWarmUp: boolean
}
