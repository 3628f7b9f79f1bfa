import { Loader } from '../data/loader.js'
import type { RunConfig } from '../config/types.js'
import { generate, type Writer } from '../generate/generate.js'
import type { GenerateOptions } from '../generate/options.js'
import type { GenerationEnd } from '../generate/text-stream.js'
import type { Device } from '../native/device.js'
import type { RunIdentity } from '../checkpoint/manifest.js'
import type { Corpus } from './corpus.js'
import { Engine } from './engine.js'
import { freshHealth, type HealthState } from './health.js'
import { explainDeviceError } from './memory.js'
import { atStart, sequenceTokens, type Progress } from './progress.js'
import { runFolder, type RunFolder } from './run-folder.js'
import type { RunLock } from './run-lock.js'
import { RunSaver } from './saver.js'
import { Validation } from './validation.js'

/**
 * A run under way: what was decided, what is on the device, where it stands. The loop moves `progress`, the hooks look at
 * the rest. Nothing here decides when anything happens.
 */
export class Run {
  readonly config: RunConfig
  readonly folder: RunFolder
  readonly device: Device
  readonly engine: Engine
  readonly corpus: Corpus
  readonly loader: Loader
  /** Undefined when nothing is held out, or less than one sequence. */
  readonly validation: Validation | undefined
  /** Resident bytes of the process before the run touched its memory. */
  readonly baselineBytes: number
  readonly saver: RunSaver
  #inOrder: Promise<unknown> = Promise.resolve()
  progress: Progress = atStart
  health: HealthState = freshHealth
  /** False from a resume on, until this start has got as far as a step. */
  confirmed = true
  /** Of the evaluations whose step was saved, the one with the lowest loss. */
  best: { readonly step: number; readonly loss: number } | undefined
  /** Held while this process may write into the folder. */
  lock: RunLock | undefined

  constructor(config: RunConfig, corpus: Corpus, device: Device) {
    this.baselineBytes = process.memoryUsage.rss()
    this.config = config
    this.folder = runFolder(config.out)
    this.corpus = corpus
    this.device = device
    this.loader = new Loader({
      source: corpus.train,
      seed: config.seed,
      sequenceTokens: config.stages.map(sequenceTokens),
    })
    this.engine = createEngine(device, config)
    this.validation = this.#validationOf(corpus)
    this.saver = new RunSaver(this)
  }

  /**
   * Does what must not fall within a step, or be fallen into by one: steps, and copies of the state. In the order of the
   * calls.
   */
  betweenSteps<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#inOrder.then(work)
    this.#inOrder = done.catch(() => undefined)
    return done
  }

  /** Takes an evaluation into account for which checkpoint is the best. */
  recordEvaluation({ step, loss }: { readonly step: number; readonly loss: number }): void {
    const saved = this.config.checkpoint.everySteps > 0 && step % this.config.checkpoint.everySteps === 0
    if (saved && (!this.best || loss < this.best.loss)) this.best = { step, loss }
  }

  /** What a checkpoint of this run belongs to. */
  get identity(): RunIdentity {
    const { tokenizer, fingerprint } = this.corpus
    return { config: this.config, tokenizer: tokenizer.fingerprint, data: fingerprint }
  }

  /** T of the last stage: what the finished model is used with. */
  get context(): number {
    return this.config.stages.at(-1)!.context
  }

  /** The model as it is now, for whatever reads it. */
  get writer(): Writer {
    const { device, context } = this
    const { model } = this.config
    return { device, model, weights: this.engine.weights.compute, tokenizer: this.corpus.tokenizer, context }
  }

  generate(prompt: string, options: GenerateOptions): AsyncGenerator<string, GenerationEnd, void> {
    return generate(this.writer, prompt, options)
  }

  async close(): Promise<void> {
    await this.saver.settled()
    this.device.dispose()
    await this.lock?.release()
    await this.corpus.close()
  }

  #validationOf({ validation, tokenizer }: Corpus): Validation | undefined {
    if (!validation) return undefined
    const held = new Validation(
      validation,
      this.engine.evaluator,
      tokenizer,
      this.config.evaluation.maxTokens,
    )
    return held.blocks > 0 ? held : undefined
  }
}

function createEngine(device: Device, config: RunConfig): Engine {
  try {
    return new Engine(device, config)
  } catch (error) {
    throw explainDeviceError(device, config, error)
  }
}
