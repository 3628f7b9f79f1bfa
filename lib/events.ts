import type { RunConfig, StageConfig } from './config/types.js'

/** What `trainer.train()` yields, and what `metrics.jsonl` holds a line each of (without `config`). */
export type TrainEvent =
  StartEvent | StageEvent | StepEvent | EvaluationEvent | SampleEvent | CheckpointEvent | EndEvent

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
  readonly seconds: number
  /** What went wrong after the checkpoint was safe: an old one that could not be removed, say. */
  readonly warnings: readonly string[]
}

export interface EndEvent {
  readonly type: 'end'
  /** `done`, or `stopped` when a signal or `AbortSignal` ended the run early; its checkpoint is then on disk. */
  readonly reason: 'done' | 'stopped'
  readonly step: number
  readonly tokens: number
  readonly seconds: number
}
