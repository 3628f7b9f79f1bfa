import { replaceFile, saveError } from '../checkpoint/files.js'
import { checkpointBytes, requireRoom } from '../checkpoint/room.js'
import { completeConfig } from '../config/complete.js'
import { resolveConfig } from '../config/resolve.js'
import type { UserConfig } from '../config/schema.js'
import type { DataConfig, RunConfig } from '../config/types.js'
import { keepTokenizer } from '../data/tokenizer/kept.js'
import { ConfigError, DisposedError } from '../errors.js'
import type { GenerateOptions } from '../generate/options.js'
import type { GenerationEnd } from '../generate/text-stream.js'
import type { GgufType } from '../export/gguf/encode.js'
import { exportGguf } from '../export/gguf/export-gguf.js'
import type { ExportDtype } from '../export/weight-types.js'
import { exportHuggingFace } from '../export/huggingface.js'
import { Device } from '../native/device.js'
import { lossPicture } from '../report/loss-picture.js'
import { missingSteps, openMetrics, readMetrics } from '../report/metrics.js'
import { openCorpus, type Corpus, type PrepareOptions } from './corpus.js'
import { regionReader } from './engine.js'
import type { EvaluationEvent, TrainEvent } from '../events.js'
import { checkTasks, evaluateRun } from './hooks.js'
import { endEvent, startEvent, trainingLoop } from './loop.js'
import {
  beginRun,
  holdsFinishedRun,
  readRunConfig,
  recordedData,
  refuseExisting,
  runFolder,
} from './run-folder.js'
import { checkInitialWeights } from './initial-weights.js'
import { explainDeviceError } from './memory.js'
import { lockRun } from './run-lock.js'
import { predictRun, type RunPlan } from './run-plan.js'
import { Run } from './run.js'
import { restoreRun, type ResumeOptions } from './restore.js'

export interface CreateOptions extends PrepareOptions {
  /** What to do when `out` holds a run already. Default: refuse. */
  readonly existing?: 'refuse' | 'replace'
  /** Plan only: no run folder is written and no memory is used. */
  readonly dryRun?: boolean
}

export type ExportOptions =
  | { format?: 'huggingface'; dtype?: ExportDtype; shardBytes?: number; overwrite?: boolean }
  | { format: 'gguf'; type?: GgufType; overwrite?: boolean }

/**
 * Pretrains a LLaMA-style model by patch-level training: `create` prepares, `train` runs, `resume` goes on from the
 * newest checkpoint. One trainer holds one run; dispose of it when done.
 */
export class PatchTrainer {
  readonly #run: Run
  #training = false
  #disposed = false

  private constructor(run: Run) {
    this.#run = run
  }

  /**
   * Resolves the configuration, tokenizes the text (once; later runs find it again), allocates and records.
   * @throws {ConfigError} and {DataError} before a run folder is written
   */
  static async create(config: UserConfig | RunConfig, options: CreateOptions = {}): Promise<PatchTrainer> {
    const draft = resolveConfig(config)
    const { existing = 'refuse', dryRun = false } = options
    if (!dryRun) refuseExisting(runFolder(draft.out), existing)
    await checkInitialWeights(draft.model)
    const run = await prepare(draft, options, ({ tokenizer, train }) =>
      completeConfig(draft, { vocabSize: tokenizer.vocabSize, corpusTokens: train.tokens }),
    )
    return PatchTrainer.#guard(run, async () => {
      if (dryRun) return
      run.lock = await lockRun(run.folder)
      refuseExisting(run.folder, existing) // another run may have come while the text was tokenized
      await requireRoom(run.folder.path, leastCheckpoints * checkpointBytes(run.engine.weights.master.table))
      // Before anything is written: what cannot be read must not cost the run that was here before.
      await run.engine.initialise()
      await checkTasks(run, options.signal)
      const tokenizerFiles = await run.corpus.tokenizer.files()
      await beginRun(run.folder, run.config)
      if (run.config.data.tokenizer !== 'bytes') await keepTokenizer(tokenizerFiles, run.folder.tokenizer)
    })
  }

  /**
   * Goes on from the newest whole checkpoint of a run folder, bit for bit as if the run had never stopped.
   * @throws {CheckpointError} when there is none, or when it belongs to other data, tokenizer or configuration
   */
  static async resume(folder: string, options: ResumeOptions = {}): Promise<PatchTrainer> {
    const recorded = readRunConfig(runFolder(folder))
    const config: RunConfig = { ...recorded, device: options.device ?? recorded.device, out: folder }
    const run = await prepare({ ...config, data: recordedData(config) }, options, () => config)
    return PatchTrainer.#guard(run, async () => {
      run.lock = await lockRun(run.folder)
      await restoreRun(run, options)
      tellMissingSteps(run, options)
    })
  }

  static async #guard(run: Run, start: () => Promise<void>): Promise<PatchTrainer> {
    try {
      await start()
      return new PatchTrainer(run)
    } catch (error) {
      const explained = explainDeviceError(run.device, run.config, error)
      await run.close()
      throw explained
    }
  }

  /** Every value decided. */
  get config(): RunConfig {
    return this.#run.config
  }

  /** For people: `cpu (avx512, 2 threads)`. */
  get device(): string {
    return this.#run.device.describe()
  }

  /** Steps done so far. */
  get step(): number {
    return this.#run.progress.step
  }

  /** What the run will take: steps, tokens, FLOPs, memory, and the cost against token-level training. */
  plan(): RunPlan {
    const { config, device, corpus, engine, baselineBytes } = this.#open()
    return predictRun({
      config,
      device,
      corpusTokens: corpus.train.tokens,
      plans: engine.describe(),
      baselineBytes,
    })
  }

  /**
   * Trains until all stages are done or `signal` is aborted; then the step under way is finished and saved. Yields
   * everything that happens and writes it to `metrics.jsonl`. At the end the run folder holds the model and a picture of
   * the losses. A run that is finished already stays as it is.
   * @throws {HealthError} when the run stops for a step that looked bad; it is saved as before that step
   * @throws {SaveError} when the last checkpoint could not be written
   */
  async *train(options: { signal?: AbortSignal } = {}): AsyncGenerator<TrainEvent, void, void> {
    const run = this.#open()
    if (this.#training)
      throw new ConfigError('This trainer is training already. Wait for it, or create another.')
    if (run.progress.stage === run.config.stages.length && holdsFinishedRun(run.folder)) {
      yield startEvent(run)
      return yield endEvent(run, 0, 'done')
    }
    this.#training = true
    const { folder, progress, health } = run
    const metrics = openMetrics(folder.metrics, {
      step: progress.step === 0 ? -1 : progress.step,
      incidents: health.incidents,
    })
    try {
      const { lines } = metrics
      for (const line of lines) if (line.type === 'evaluation') run.recordEvaluation(line)
      const here = lines.filter((line) => line.step === progress.step).map(({ type }) => type)
      for await (const event of trainingLoop(run, options.signal, new Set(here))) {
        if (event.type === 'end') {
          // Before it is told: the end that metrics.jsonl knows of is the end of everything.
          await drawLosses(run)
          if (event.reason === 'done') await this.export(folder.model, { overwrite: true })
        }
        const failure = metrics.write(event)
        if (failure) yield { type: 'save-failed', step: event.step, message: failure.message }
        yield event
      }
    } catch (error) {
      throw explainDeviceError(run.device, run.config, error)
    } finally {
      this.#training = false
      metrics.close()
    }
  }

  /**
   * Loss on the validation tokens, token by token.
   * @throws {ConfigError} when nothing is held out to validate on
   */
  async evaluate(): Promise<EvaluationEvent> {
    const run = this.#open()
    if (run.validation) return (await evaluateRun(run))!
    throw new ConfigError(
      'There are no validation tokens: give data.validation, or a data.validationFraction that holds at least one sequence.',
      { path: 'data.validation' },
    )
  }

  /** Text from the model as it is now, piece by piece. */
  generate(prompt: string, options: GenerateOptions = {}): AsyncGenerator<string, GenerationEnd, void> {
    return this.#open().generate(prompt, options)
  }

  /** Saves a checkpoint now; returns its path. */
  async save(): Promise<string> {
    return (await this.#open().saver.saveNow()).path
  }

  /**
   * Writes the model as it is now: a folder that transformers loads, or one GGUF file for llama.cpp, Ollama and LM Studio.
   * @throws {ConfigError} for another format, and where a weight is beyond what the type can hold
   * @throws {SaveError} when something is there already and `overwrite` is not set, or nothing can be written
   */
  async export(path: string, options: ExportOptions = {}): Promise<void> {
    const { config, corpus, engine, context } = this.#open()
    const { tokenizer } = corpus
    const what = {
      model: config.model,
      settings: { positions: context, bosId: tokenizer.bosId, eosId: tokenizer.eosId },
      weights: regionReader(engine.weights.master),
      tokenizerFiles: await tokenizer.files(),
      overwrite: options.overwrite ?? false,
    }
    switch (options.format) {
      case undefined:
      case 'huggingface': {
        const { dtype, shardBytes } = options
        await exportHuggingFace({
          ...what,
          folder: path,
          ...(dtype && { dtype }),
          ...(shardBytes !== undefined && { shardBytes }),
        })
        return
      }
      case 'gguf':
        await exportGguf({ ...what, file: path, ...(options.type && { type: options.type }) })
        return
      default:
        throw new ConfigError(
          `There is no export format '${String((options as { format: unknown }).format)}'. Use 'huggingface' or 'gguf'.`,
          { path: 'format' },
        )
    }
  }

  /** Frees the device and closes the data. Idempotent. */
  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    await this.#run.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #open(): Run {
    if (this.#disposed) throw new DisposedError('The trainer')
    return this.#run
  }
}

/** The run does not need them; whoever reads the metrics may. */
function tellMissingSteps({ folder, progress }: Run, { onProgress }: ResumeOptions): void {
  const missing = missingSteps(folder.metrics, progress.step)
  if (missing.length === 0) return
  const message =
    `${folder.metrics} lacks ${missing.length} of the steps up to ${progress.step}, the first is ${missing[0]}. ` +
    'The run goes on exactly; its record stays as it is.'
  onProgress?.({ stage: 'notice', message })
}

async function drawLosses({ config, folder }: Run): Promise<void> {
  const picture = lossPicture([{ label: config.name, events: readMetrics(folder.metrics) }], config.name)
  try {
    await replaceFile(folder.picture, picture)
  } catch (cause) {
    throw saveError('The picture of the losses', folder.picture, cause)
  }
}

/** The one that stays until the next is whole, and that next one. */
const leastCheckpoints = 2

export async function prepare(
  config: { readonly device: string; readonly threads: number; readonly data: DataConfig },
  options: PrepareOptions,
  complete: (corpus: Corpus) => RunConfig,
): Promise<Run> {
  const device = Device.create({ device: config.device, threads: config.threads })
  let corpus: Corpus | undefined
  try {
    corpus = await openCorpus(config.data, config.threads, options)
    return new Run(complete(corpus), corpus, device)
  } catch (error) {
    device.dispose()
    await corpus?.close()
    throw error
  }
}
