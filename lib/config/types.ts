/**
 * The resolved configuration: every value decided, validated and frozen. What users write is looser
 * (schema.ts); resolve.ts turns one into the other, and the result is written into the run folder.
 */

/** Shape of the decoder. Letters are the ones used throughout code and docs. */
export interface ModelConfig {
  /** V: entries of the embedding table and rows of the head. */
  readonly vocabSize: number
  /** C: width of the residual stream. */
  readonly width: number
  /** F: width of the feed-forward block. */
  readonly feedForward: number
  /** L */
  readonly layers: number
  /** H: query heads. */
  readonly heads: number
  /** G: key/value heads; divides H (grouped-query attention when smaller). */
  readonly kvHeads: number
  /** D: size of a head; even. Usually C / H, not necessarily. */
  readonly headDim: number
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number
  /** ε of every RMSNorm. */
  readonly normEpsilon: number
  /** The head shares the embedding table. */
  readonly tiedHead: boolean
  /** Standard deviation of the initial weights, drawn from N(0, σ²). */
  readonly initStd: number
}

/** The model of a run. */
export interface RunModel extends ModelConfig {
  /**
   * Folder in Hugging Face form whose weights the run begins with; without it they are drawn at random. A run that is
   * resumed has its own, and does not need the folder.
   */
  readonly from?: string
}

export interface DataConfig {
  /** Globs of .txt, .jsonl, .jsonl.zst, .parquet files. */
  readonly train: readonly string[]
  /** Files to validate on; empty when a share of the training documents is held out instead. */
  readonly validation: readonly string[]
  /** Share of the training documents, from the end, held out when `validation` is empty. */
  readonly validationFraction: number
  /** `bytes`, or the path of a tokenizer.model, tokenizer.json, or a folder that holds one. */
  readonly tokenizer: string
  /** Field of a JSON line that holds the text. */
  readonly textField: string
  /** Folder for token shards, reused when the inputs have not changed. */
  readonly cache: string
}

export type ScheduleShape = 'cosine' | 'warmup-stable-decay' | 'linear' | 'constant'

/** The learning rate over the steps of one stage, or over the whole run. */
export interface LearningRateConfig {
  readonly shape: ScheduleShape
  readonly peak: number
  readonly warmupSteps: number
  /** Steps of the final decay; only for warmup-stable-decay. */
  readonly decaySteps: number
  /** What the decay ends at, as a share of the peak; the paper uses 0. */
  readonly floor: number
}

/** A stretch of training with one patch size. The paper's plan is two of them. */
export interface StageConfig {
  readonly name: string
  /** K: tokens a patch. 1 is ordinary training. */
  readonly patchSize: number
  /** Optimizer steps. */
  readonly steps: number
  /** T: positions a sequence; the sequence holds K·T tokens. */
  readonly context: number
  /** Sequences in one optimizer step, over all micro-batches. */
  readonly batchSequences: number
  /** Sequences in one micro-batch; divides batchSequences. */
  readonly microBatchSequences: number
  /** What survives from the stage before: the weights alone (the paper), or the optimizer's state and step count too. */
  readonly carry: 'weights' | 'all'
  readonly learningRate: LearningRateConfig
  /** `stage`: the schedule starts again with this stage. `run`: one schedule spans all stages. */
  readonly scheduleSpan: 'stage' | 'run'
}

export interface OptimizerConfig {
  readonly betas: readonly [number, number]
  readonly epsilon: number
  /** Decoupled decay of matrices and embeddings; norm weights are never decayed. */
  readonly weightDecay: number
  /** Largest global gradient norm; 0 turns clipping off. */
  readonly gradientClip: number
}

export interface CheckpointConfig {
  /** 0: only at the end. */
  readonly everySteps: number
  /** How many of the newest stay; at least 2. */
  readonly keep: number
  /** Those whose step is a multiple of it stay for good; 0: none do. */
  readonly keepEvery: number
  /** Whether the one with the lowest validation loss stays, too. */
  readonly keepBest: boolean
}

/** Benchmark tasks that the model is scored on while it trains. */
export interface TasksConfig {
  /** `hellaswag`, `piqa`, …; empty: none. */
  readonly names: readonly string[]
  /** Folder of their data sets. */
  readonly data: string
  /** 0: only at the end. */
  readonly everySteps: number
  /** Only the first examples of each; 0: all. */
  readonly limit: number
}

/** What happens when a step looks bad: `record` only tells, `skip` leaves the update out, `rollback` goes back. */
export type HealthAction = 'record' | 'skip' | 'rollback' | 'stop'

export interface HealthConfig {
  /** On a loss or gradient that is NaN or infinite. Its update is never applied. */
  readonly nonFinite: Exclude<HealthAction, 'record'>
  /** On a loss or gradient norm far above its recent mean. */
  readonly spike: HealthAction
  /** How far above: in standard deviations. */
  readonly spikeDeviations: number
  /** Steps over which mean and deviation are taken; before as many have been seen nothing counts as a spike. */
  readonly window: number
  /** Steps that may be skipped or rolled back in the whole run; one more stops it. */
  readonly budget: number
}

export interface RunConfig {
  readonly name: string
  readonly model: RunModel
  readonly data: DataConfig
  readonly stages: readonly StageConfig[]
  readonly optimizer: OptimizerConfig
  /** What is recomputed in the backward pass: nothing, the cheap elementwise results, or whole layers. */
  readonly recompute: 'none' | 'elementwise' | 'layer'
  readonly seed: number
  readonly device: string
  /** Threads of the CPU backend; 0: as many as this process may use. */
  readonly threads: number
  /** The run folder. */
  readonly out: string
  readonly checkpoint: CheckpointConfig
  readonly health: HealthConfig
  /** Loss on the validation tokens, always token by token (K = 1); 0 steps: only at the end. */
  readonly evaluation: { readonly everySteps: number; readonly maxTokens: number }
  readonly tasks: TasksConfig
  /** Text written from the model while it trains; 0 steps: only at the end. */
  readonly sample: { readonly everySteps: number; readonly prompt: string; readonly tokens: number }
}
