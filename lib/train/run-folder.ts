import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { completeConfig } from '../config/complete.js'
import { formatConfig, readConfigFile } from '../config/load.js'
import { resolveConfig } from '../config/resolve.js'
import type { UserConfig } from '../config/schema.js'
import type { DataConfig, RunConfig } from '../config/types.js'
import { tokenizerOrKept } from '../data/tokenizer/kept.js'
import { CheckpointError, ConfigError, SaveError } from '../errors.js'
import { packageRoot } from '../native/load.js'
import { lastLine } from '../report/metrics.js'

/** Where things lie in a run's folder. */
export interface RunFolder {
  readonly path: string
  /** The resolved configuration. */
  readonly config: string
  /** A line an event. */
  readonly metrics: string
  readonly checkpoints: string
  /** A copy of the tokenizer's files, used when those it was given are gone; none for `bytes`. */
  readonly tokenizer: string
  /** On CUDA: which algorithm serves each matrix product, so that a resumed run computes the same bits. */
  readonly products: string
  /** Losses over tokens and over compute. */
  readonly picture: string
  /** The finished model, in Hugging Face form. */
  readonly model: string
}

export function runFolder(path: string): RunFolder {
  return {
    path,
    config: join(path, 'config.yaml'),
    metrics: join(path, 'metrics.jsonl'),
    checkpoints: join(path, 'checkpoints'),
    tokenizer: join(path, 'tokenizer'),
    products: join(path, 'products.json'),
    picture: join(path, 'loss.svg'),
    model: join(path, 'model'),
  }
}

/** What a run writes besides its configuration. */
function runFiles(folder: RunFolder): string[] {
  return [folder.checkpoints, folder.metrics, folder.tokenizer, folder.products, folder.picture, folder.model]
}

/** First line of every config.yaml that a run wrote: what a run may be replaced by is decided by it. */
const marker = '# Resolved configuration of a patchtrain run.\n'

/**
 * Refuses a folder in which a run would destroy something: an earlier run, unless that is to be replaced, and whatever
 * else bears a name that a run uses, always.
 */
export function refuseExisting(folder: RunFolder, existing: 'refuse' | 'replace'): void {
  const own = [folder.config, ...runFiles(folder)]
  const present = own.filter((path) => existsSync(path))
  if (present.length === 0) return
  if (!holdsRun(folder)) {
    throw new ConfigError(
      `${folder.path} holds ${present.join(', ')}, which no training run wrote; a run there would replace it. ` +
        'Choose another folder (out).',
      { path: 'out' },
    )
  }
  if (existing === 'replace') return
  throw new ConfigError(
    `${folder.path} holds a run already. Continue it with 'patchtrain resume ${folder.path}', choose another folder ` +
      `(out), or replace it with --overwrite (existing: 'replace').`,
    { path: 'out' },
  )
}

function holdsRun(folder: RunFolder): boolean {
  try {
    return statSync(folder.config).isFile() && readFileSync(folder.config, 'utf8').startsWith(marker)
  } catch {
    return false
  }
}

/** Whether nothing is left to do: the last thing recorded is the end, and the model is there. */
export function holdsFinishedRun({ metrics, model }: RunFolder): boolean {
  if (!existsSync(metrics) || !existsSync(join(model, 'config.json'))) return false
  const end = lastLine(metrics)
  return end?.type === 'end' && end.reason === 'done'
}

/** Makes the folder and writes the resolved configuration. What an earlier run left is removed. */
export async function beginRun(folder: RunFolder, config: RunConfig): Promise<void> {
  try {
    await mkdir(folder.path, { recursive: true })
    // The configuration marks the folder as a run's, so it is the last to go and the first to come.
    for (const path of [...runFiles(folder), folder.config]) await rm(path, { recursive: true, force: true })
    await writeFile(folder.config, marker + formatConfig(config))
  } catch (cause) {
    throw new SaveError(
      `Cannot write the run folder ${folder.path}: ${(cause as Error).message}. Choose another folder (out), or free some space.`,
      { cause },
    )
  }
}

/** The resolved configuration of a run folder. */
export function readRunConfig(folder: RunFolder): RunConfig {
  if (!existsSync(folder.config)) {
    throw new CheckpointError(
      'ERR_CHECKPOINT_MISSING',
      `${folder.path} is not a run folder: it has no config.yaml. Give the folder that a training run wrote (its 'out').`,
    )
  }
  const draft = resolveConfig(readConfigFile(folder.config) as UserConfig, folder.config)
  return completeConfig(draft, {})
}

/** The data of a run that was begun before: with its own copy of the tokenizer where the one it was given is gone. */
export function recordedData({ data, out }: RunConfig): DataConfig {
  return { ...data, tokenizer: tokenizerOrKept(data.tokenizer, runFolder(out).tokenizer) }
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string
  }
  return version
}
