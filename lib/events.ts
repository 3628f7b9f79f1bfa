import type { HealthAction, RunConfig, StageConfig } from './config/types.js'
import type { TaskResult } from './eval/results.js'

/** What `trainer.train()` yields, and what `metrics.jsonl` holds a line each of (without `config`). */
export type TrainEvent =
  | StartEvent
  | StageEvent
  | StepEvent
  | HealthEvent
  | EvaluationEvent
  | TasksEvent
  | SampleEvent
  | CheckpointEvent
  | SaveFailedEvent
  | EndEvent

export interface StartEvent {
  readonly type: 'start'
  readonly config: RunConfig
  /** For people: 'cpu (avx512, 2 threads)'. */
  readonly device: string
  /** Why this device, and where its matrix products come from: a line each. */
  readonly deviceNotes: readonly string[]
  readonly parameters: number
  /** Step the run starts from; above 0 when it was resumed. */
  readonly step: number
  readonly totalSteps: number
  readonly totalTokens: number
}

export interface StageEvent {
  readonly type: 'stage'
  /** Index of the stage that begins. */
  readonly index: number
  readonly stage: StageConfig
  /** First step of the stage, counted over the whole run. */
  readonly step: number
}

export interface StepEvent {
  readonly type: 'step'
  /** Steps done so far, this one included; counted over the whole run. */
  readonly step: number
  readonly stage: number
  readonly patchSize: number
  /** Mean cross-entropy for each target token, nats. */
  readonly loss: number
  /** Global norm of the gradient before clipping. */
  readonly gradientNorm: number
  readonly learningRate: number
  /** Training tokens read so far. */
  readonly tokens: number
  /** Model FLOPs spent so far (forward and backward, causal attention counted by half). */
  readonly flops: number
  /** Wall-clock seconds of this step. */
  readonly seconds: number
  readonly tokensPerSecond: number
  readonly batch: BatchIdentity
  /** Present and true where the update was left out; weights and optimizer state are then as before the step. */
  readonly skipped?: boolean
}

/** Which tokens a step read: enough to read them again, and to see that they are the same. */
export interface BatchIdentity {
  /** Number of its first sequence in the stage's order of the corpus; the others follow it. */
  readonly firstSample: number
  readonly sequences: number
  /** First half of the SHA-256 over the token ids (i32, little-endian) of all its sequences, hexadecimal. */
  readonly tokensHash: string
}

/** A step whose loss or gradient norm was not finite, or far above its recent mean; and what was done about it. */
export interface HealthEvent {
  readonly type: 'health'
  /** The step that was looked at, as it would have been counted. */
  readonly step: number
  readonly stage: number
  readonly finding: 'non-finite' | 'spike'
  readonly action: HealthAction
  /** null where it is not finite, as JSON writes it. */
  readonly loss: number | null
  readonly gradientNorm: number | null
  /** Standard deviations above the recent mean; null where there is no finite value, or not enough steps before it. */
  readonly deviations: { readonly loss: number | null; readonly gradientNorm: number | null }
  readonly batch: BatchIdentity
  /** Number of this incident in the run, from 1. */
  readonly incident: number
  /** Skips and rollbacks that the budget still allows. */
  readonly budgetLeft: number
  /** Of a rollback: the step of the checkpoint that the run goes on from. */
  readonly rolledBackTo?: number
}

export interface EvaluationEvent {
  readonly type: 'evaluation'
  readonly step: number
  /** Mean next-token loss over the validation blocks, nats a token. */
  readonly loss: number
  readonly perplexity: number
  readonly bitsPerByte: number
  readonly tokens: number
  readonly flops: number
}

export interface TasksEvent {
  readonly type: 'tasks'
  readonly step: number
  readonly results: readonly TaskResult[]
}

export interface SampleEvent {
  readonly type: 'sample'
  readonly step: number
  readonly prompt: string
  readonly text: string
}

export interface CheckpointEvent {
  readonly type: 'checkpoint'
  readonly step: number
  readonly path: string
  readonly bytes: number
  /** From the end of the step until it was safe; training goes on meanwhile. */
  readonly seconds: number
  /** How long training waited for it. */
  readonly stallSeconds: number
  /** What went wrong after the checkpoint was safe: an old one that could not be removed, say. */
  readonly warnings: readonly string[]
}

/** A checkpoint that could not be written. Training goes on, and the next one is tried as planned. */
export interface SaveFailedEvent {
  readonly type: 'save-failed'
  readonly step: number
  readonly message: string
}

export interface EndEvent {
  readonly type: 'end'
  /** `done`, or `stopped` when a signal or `AbortSignal` ended the run early; its checkpoint is then on disk. */
  readonly reason: 'done' | 'stopped'
  readonly step: number
  readonly tokens: number
  readonly seconds: number
}
