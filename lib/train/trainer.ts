import { writeFile } from 'node:fs/promises'
import { requireSameRun } from '../checkpoint/compare.js'
import { newestValid } from '../checkpoint/open.js'
import { saveCheckpoint } from '../checkpoint/save.js'
import { completeConfig } from '../config/complete.js'
import { resolveConfig } from '../config/resolve.js'
import type { UserConfig } from '../config/schema.js'
import type { RunConfig } from '../config/types.js'
import { Loader } from '../data/loader.js'
import { CheckpointError, ConfigError, DisposedError, NonFiniteError } from '../errors.js'
import { generate, type GenerateOptions } from '../eval/generate.js'
import { exportHuggingFace } from '../export/huggingface.js'
import type { ExportDtype } from '../export/huggingface-config.js'
import { countParameters } from '../model/parameters.js'
import { Device } from '../native/device.js'
import { learningRateAt } from '../optim/schedule.js'
import { lossPicture } from '../report/loss-picture.js'
import { openMetrics, readMetrics } from '../report/metrics.js'
import { openCorpus, type Corpus, type PrepareOptions } from './corpus.js'
import { Engine, regionReader, regionWriter } from './engine.js'
import type {
  CheckpointEvent,
  EndEvent,
  EvaluationEvent,
  SampleEvent,
  StepEvent,
  TrainEvent,
} from './events.js'
import {
  advance,
  atStart,
  sequenceTokens,
  totalSteps,
  totalTokens,
  updatesSinceReset,
  type Progress,
} from './progress.js'
import {
  beginRun,
  packageVersion,
  readRunConfig,
  refuseExisting,
  runFolder,
  type RunFolder,
} from './run-folder.js'
import { predictRun, type RunPlan } from './run-plan.js'
import { Validation } from './validation.js'

export interface CreateOptions extends PrepareOptions {
  /** What to do when `out` holds a run already. Default: refuse. */
  readonly existing?: 'refuse' | 'replace'
  /** Plan only: nothing is written and no memory is used. */
  readonly dryRun?: boolean
}

export interface ResumeOptions extends PrepareOptions {
  /** Paths of values that may differ from the checkpoint's, `config.optimizer.weightDecay` say. */
  readonly allow?: readonly string[]
}

/**
 * Pretrains a LLaMA-style model by patch-level training: `create` prepares, `train` runs, `resume` goes on from the
 * newest checkpoint. One trainer holds one run; dispose of it when done.
 */
export class PatchTrainer {
  readonly config: RunConfig
  readonly #folder: RunFolder
  readonly #device: Device
  readonly #engine: Engine
  readonly #corpus: Corpus
  readonly #loader: Loader
  readonly #validation: Validation | undefined
  readonly #baselineBytes: number
  #progress: Progress = atStart
  #training = false
  #disposed = false

  private constructor(config: RunConfig, corpus: Corpus, device: Device) {
    this.#baselineBytes = process.memoryUsage.rss()
    this.config = config
    this.#folder = runFolder(config.out)
    this.#corpus = corpus
    this.#device = device
    this.#loader = new Loader({
      source: corpus.train,
      seed: config.seed,
      sequenceTokens: config.stages.map(sequenceTokens),
    })
    this.#engine = new Engine(device, config)
    if (corpus.validation) {
      const { maxTokens } = config.evaluation
      const validation = new Validation(
        corpus.validation,
        this.#engine.evaluator,
        corpus.tokenizer,
        maxTokens,
      )
      if (validation.blocks > 0) this.#validation = validation
    }
  }

  /**
   * Resolves the configuration, tokenizes the text (once; later runs find it again), allocates and records.
   * @throws {ConfigError} and {DataError} before anything is written
   */
  static async create(config: UserConfig | RunConfig, options: CreateOptions = {}): Promise<PatchTrainer> {
    const draft = resolveConfig(config)
    const { existing = 'refuse', dryRun = false } = options
    if (!dryRun) refuseExisting(runFolder(draft.out), existing)
    const trainer = await PatchTrainer.#prepare(
      draft.device,
      draft.threads,
      options,
      (corpus) =>
        completeConfig(draft, { vocabSize: corpus.tokenizer.vocabSize, corpusTokens: corpus.train.tokens }),
      draft.data,
    )
    if (dryRun) return trainer
    try {
      await beginRun(trainer.#folder, trainer.config)
      await trainer.#engine.initialise()
      return trainer
    } catch (error) {
      await trainer.dispose()
      throw error
    }
  }

  /**
   * Goes on from the newest whole checkpoint of a run folder, bit for bit as if the run had never stopped.
   * @throws {CheckpointError} when there is none, or when it belongs to other data, tokenizer or configuration
   */
  static async resume(folder: string, options: ResumeOptions = {}): Promise<PatchTrainer> {
    const config: RunConfig = { ...readRunConfig(runFolder(folder)), out: folder }
    const trainer = await PatchTrainer.#prepare(
      config.device,
      config.threads,
      options,
      () => config,
      config.data,
    )
    try {
      await trainer.#load(options)
      return trainer
    } catch (error) {
      await trainer.dispose()
      throw error
    }
  }

  static async #prepare(
    deviceName: string,
    threads: number,
    options: PrepareOptions,
    complete: (corpus: Corpus) => RunConfig,
    data: RunConfig['data'],
  ): Promise<PatchTrainer> {
    const device = Device.create({ device: deviceName, threads })
    let corpus: Corpus | undefined
    try {
      corpus = await openCorpus(data, threads, options)
      return new PatchTrainer(complete(corpus), corpus, device)
    } catch (error) {
      await corpus?.close()
      device.dispose()
      throw error
    }
  }

  /** For people: `cpu (avx512, 2 threads)`. */
  get device(): string {
    return this.#device.describe()
  }

  /** Steps done so far. */
  get step(): number {
    return this.#progress.step
  }

  /** What the run will take: steps, tokens, FLOPs, memory, and the cost against token-level training. */
  plan(): RunPlan {
    this.#requireOpen()
    return predictRun({
      config: this.config,
      device: this.device,
      corpusTokens: this.#corpus.train.tokens,
      regions: this.#device.regions(),
      plans: this.#engine.describe(),
      baselineBytes: this.#baselineBytes,
    })
  }

  /**
   * Trains until all stages are done or `signal` is aborted; then the step under way is finished and saved. Yields
   * everything that happens and writes it to `metrics.jsonl`.
   */
  async *train(options: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent, void, void> {
    this.#requireOpen()
    if (this.#training)
      throw new ConfigError('This trainer is training already. Wait for it, or create another.')
    this.#training = true
    const metrics = openMetrics(this.#folder.metrics, this.#progress.step === 0 ? -1 : this.#progress.step)
    try {
      for await (const event of this.#run(options.signal)) {
        metrics.write(event)
        if (event.type === 'end') await this.#drawLosses()
        yield event
      }
    } finally {
      this.#training = false
      metrics.close()
    }
  }

  async *#run(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const { config } = this
    const began = performance.now()
    const end = (reason: EndEvent['reason']): EndEvent => ({
      type: 'end',
      reason,
      step: this.#progress.step,
      tokens: this.#progress.tokens,
      seconds: (performance.now() - began) / 1000,
    })
    yield {
      type: 'start',
      config,
      device: this.device,
      parameters: countParameters(config.model),
      step: this.#progress.step,
      totalSteps: totalSteps(config),
      totalTokens: totalTokens(config),
    }
    while (this.#progress.stage < config.stages.length) {
      yield* this.#runStage(signal)
      if (signal?.aborted) {
        yield await this.#saveEvent()
        return yield end('stopped')
      }
    }
    if (this.#validation) yield await this.evaluate()
    if (config.sample.tokens > 0) yield await this.#sampleEvent()
    yield await this.#saveEvent()
    await this.export(this.#folder.model, { overwrite: true })
    yield end('done')
  }

  /** The rest of the stage that the run stands in. */
  async *#runStage(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const { config } = this
    const index = this.#progress.stage
    const stage = config.stages[index]!
    yield { type: 'stage', index, stage, step: this.#progress.step - this.#progress.stageStep }
    if (this.#progress.stageStep === 0 && stage.carry === 'weights') await this.#engine.optimizer.reset()

    const batches = this.#loader.stream({
      firstSample: this.#nextSample(),
      sequences: stage.microBatchSequences,
      sequenceTokens: sequenceTokens(stage),
    })
    try {
      while (this.#progress.stage === index && !signal?.aborted) {
        yield await this.#trainStep(async () => (await batches.next()).value!.ids)
        yield* this.#periodically(signal)
      }
    } finally {
      await batches.return()
    }
  }

  async #trainStep(nextBatch: () => Promise<Int32Array>): Promise<StepEvent> {
    const { config } = this
    const progress = this.#progress
    const stage = config.stages[progress.stage]!
    const began = performance.now()
    const learningRate =
      stage.scheduleSpan === 'run'
        ? learningRateAt(stage.learningRate, progress.step, totalSteps(config))
        : learningRateAt(stage.learningRate, progress.stageStep, stage.steps)
    const updates = updatesSinceReset(config, progress) + 1
    const result = await this.#engine.step(progress.stage, nextBatch, learningRate, updates)
    if (!result.finite || !Number.isFinite(result.loss)) throw this.#nonFinite(result.loss)

    this.#progress = advance(config, progress)
    const seconds = (performance.now() - began) / 1000
    return {
      type: 'step',
      step: this.#progress.step,
      stage: progress.stage,
      patchSize: stage.patchSize,
      loss: result.loss,
      gradientNorm: result.gradientNorm,
      learningRate,
      tokens: this.#progress.tokens,
      flops: this.#progress.flops,
      seconds,
      tokensPerSecond: (this.#progress.tokens - progress.tokens) / seconds,
    }
  }

  /** What is due after the step just done. At the very end `#run` does all of it anyway. */
  async *#periodically(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent, void, void> {
    const { evaluation, sample, checkpoint, stages } = this.config
    if (signal?.aborted || this.#progress.stage === stages.length) return
    const due = (everySteps: number) => everySteps > 0 && this.#progress.step % everySteps === 0
    // Saved first: an evaluation that fails must not cost the steps before it.
    if (due(checkpoint.everySteps)) yield await this.#saveEvent()
    if (this.#validation && due(evaluation.everySteps)) yield await this.evaluate()
    if (due(sample.everySteps) && sample.tokens > 0) yield await this.#sampleEvent()
  }

  /**
   * Loss on the validation tokens, token by token.
   * @throws {ConfigError} when nothing is held out to validate on
   */
  async evaluate(): Promise<EvaluationEvent> {
    this.#requireOpen()
    if (!this.#validation)
      throw new ConfigError(
        'There are no validation tokens: give data.validation, or a data.validationFraction that holds at least one sequence.',
        { path: 'data.validation' },
      )
    const { step, tokens, flops } = this.#progress
    return { type: 'evaluation', step, ...(await this.#validation.run()), tokens, flops }
  }

  /** Text from the model as it is now, piece by piece. */
  generate(prompt: string, options: GenerateOptions = {}): AsyncGenerator<string, void, void> {
    this.#requireOpen()
    const writer = {
      device: this.#device,
      model: this.config.model,
      weights: this.#engine.weights,
      tokenizer: this.#corpus.tokenizer,
      context: this.config.stages.at(-1)!.context,
    }
    return generate(writer, prompt, options)
  }

  async #sampleEvent(): Promise<SampleEvent> {
    const { prompt, tokens } = this.config.sample
    let text = ''
    for await (const piece of this.generate(prompt, { maxTokens: tokens, seed: this.config.seed }))
      text += piece
    return { type: 'sample', step: this.#progress.step, prompt, text }
  }

  /** Saves a checkpoint now; returns its path. */
  async save(): Promise<string> {
    return (await this.#saveEvent()).path
  }

  async #saveEvent(): Promise<CheckpointEvent> {
    this.#requireOpen()
    const began = performance.now()
    const { weights, m, v } = this.#engine.state
    const { path, bytes } = await saveCheckpoint({
      folder: this.#folder.checkpoints,
      state: { ...this.#progress, codeVersion: packageVersion(), run: this.#identity() },
      table: weights.table,
      regions: { weights: regionReader(weights), m: regionReader(m), v: regionReader(v) },
      keep: this.config.checkpoint.keep,
    })
    const seconds = (performance.now() - began) / 1000
    return { type: 'checkpoint', step: this.#progress.step, path, bytes, seconds }
  }

  async #load(options: ResumeOptions): Promise<void> {
    const { checkpoint, skipped } = await newestValid(this.#folder.checkpoints)
    for (const { path, reason } of skipped)
      options.onProgress?.({ stage: 'notice', message: `skipped the checkpoint ${path}: ${reason}` })
    if (!checkpoint) {
      throw new CheckpointError(
        'ERR_CHECKPOINT_MISSING',
        `${this.#folder.path} has no checkpoint to go on from. Start the run again with 'patchtrain train --overwrite'.`,
      )
    }
    requireSameRun(checkpoint.state.run, this.#identity(), options.allow)
    const { weights, m, v } = this.#engine.state
    for (const [name, parameters] of Object.entries({ weights, m, v }))
      await checkpoint.load(name, parameters.table, regionWriter(parameters))
    const { step, stage, stageStep, samples, tokens, flops } = checkpoint.state
    this.#progress = { step, stage, stageStep, samples, tokens, flops }
  }

  /** Writes the model as a folder that other tools load. */
  async export(
    folder: string,
    options: { format?: 'huggingface'; dtype?: ExportDtype; overwrite?: boolean } = {},
  ): Promise<void> {
    this.#requireOpen()
    const { tokenizer } = this.#corpus
    const files = await tokenizer.files()
    await exportHuggingFace({
      folder,
      model: this.config.model,
      settings: {
        positions: this.config.stages.at(-1)!.context,
        bosId: tokenizer.bosId,
        eosId: tokenizer.eosId,
      },
      weights: regionReader(this.#engine.weights),
      tokenizerFiles: files,
      ...(options.dtype && { dtype: options.dtype }),
      overwrite: options.overwrite ?? false,
    })
  }

  /** Frees the device and closes the data. Idempotent. */
  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    this.#device.dispose()
    await this.#corpus.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** First sample of the next step: samples of a stage are counted in its own length, and never overlap the last's. */
  #nextSample(): number {
    const { stage, stageStep, tokens } = this.#progress
    const { batchSequences } = this.config.stages[stage]!
    const length = sequenceTokens(this.config.stages[stage]!)
    const stageBegan = tokens - stageStep * batchSequences * length
    return this.#loader.order.firstSampleAfter(stageBegan, length) + stageStep * batchSequences
  }

  #nonFinite(loss: number): NonFiniteError {
    const { stage, step } = this.#progress
    const { batchSequences } = this.config.stages[stage]!
    const first = this.#nextSample()
    return new NonFiniteError(
      `Step ${step + 1}: the ${Number.isFinite(loss) ? 'gradient' : 'loss'} is not finite (loss ${loss}), in samples ` +
        `${first} … ${first + batchSequences - 1} of stage '${this.config.stages[stage]!.name}'. The weights were not ` +
        'changed. Lower the learning rate, lengthen the warm-up, or go on from the last checkpoint with other data.',
      step + 1,
    )
  }

  #identity() {
    const { tokenizer, fingerprint } = this.#corpus
    return { config: this.config, tokenizer: tokenizer.fingerprint, data: fingerprint }
  }

  /** From the metrics file, which is complete: every line is written through at once. */
  async #drawLosses(): Promise<void> {
    const picture = lossPicture(
      [{ label: this.config.name, events: readMetrics(this.#folder.metrics) }],
      this.config.name,
    )
    await writeFile(this.#folder.picture, picture)
  }

  #requireOpen(): void {
    if (this.#disposed) throw new DisposedError('The trainer')
  }
}
