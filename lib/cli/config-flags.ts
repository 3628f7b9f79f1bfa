import type { Options } from 'yargs'
import { parse as parseYaml } from 'yaml'
import { setAt } from '../config/environment.js'
import { loadConfig, type ConfigLayer } from '../config/load.js'
import type { UserConfig } from '../config/schema.js'
import { UsageError } from './exit.js'

/** Flags that set a value of the configuration. Values that have none are set with --set. */
interface ConfigFlag {
  readonly path: readonly string[]
  readonly options: Options
}

const text = (path: string, describe: string): ConfigFlag => flag(path, { type: 'string', describe })
const number = (path: string, describe: string): ConfigFlag => flag(path, { type: 'number', describe })
const list = (path: string, describe: string): ConfigFlag =>
  flag(path, { type: 'string', array: true, describe })

const flags: Readonly<Record<string, ConfigFlag>> = {
  model: text('model', 'Preset: 1m, 3m, 5m, 25m, 85m, 370m, 780m, 1.3b, 2.7b'),
  from: text('model.from', 'Go on from the weights of this model: a folder in Hugging Face form'),
  data: list('data.train', 'Text to train on: files or globs of .txt, .jsonl, .jsonl.zst, .parquet'),
  validation: list('data.validation', 'Text to validate on; else a share of --data is held out'),
  tokenizer: text('data.tokenizer', '`bytes`, or a tokenizer.model, tokenizer.json or a folder with one'),
  recipe: flag('schedule.recipe', {
    choices: ['patch', 'token', 'superposition'],
    describe: 'The paper’s plan, the token-level baseline, or token superposition',
  }),
  'total-steps': number('schedule.totalSteps', 'Optimizer steps of the whole run'),
  epochs: number('schedule.epochs', 'Passes over the data, instead of --total-steps'),
  'batch-tokens': number('schedule.batchTokens', 'Tokens an optimizer step'),
  context: number('schedule.context', 'T: positions a sequence'),
  'patch-size': number('schedule.patchSize', 'K: tokens a patch'),
  'patch-fraction': text('schedule.patchFraction', 'λ: share of the steps in patches, 0.5 or 2/3'),
  'micro-batch': number('schedule.microBatchSequences', 'Sequences computed at once'),
  'learning-rate': number('optimizer.learningRate', 'Peak learning rate'),
  'warmup-steps': number('optimizer.warmupSteps', 'Steps of linear warm-up, in each stage'),
  seed: number('seed', 'Of the initial weights and the order of the data'),
  device: text('device', '`auto`, `cpu`, `cuda` or `cuda:1`'),
  threads: number('threads', 'Threads of the CPU backend; 0: all this process may use'),
  out: text('out', 'The run folder'),
}

export const configPositionals = {
  config: { type: 'string', describe: 'A .yaml or .json file; flags and PATCHTRAIN_… variables override it' },
} as const

export const configOptions: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(Object.entries(flags).map(([name, { options }]) => [name, options])),
  set: {
    type: 'string',
    array: true,
    describe: 'Any other value: --set optimizer.weightDecay=0 --set model.kvHeads=2',
  },
}

/** The configuration of a command line: its file, the environment and its flags. */
export function configFrom(args: Record<string, unknown>, environment: NodeJS.ProcessEnv): UserConfig {
  return loadConfig({ file: args.config as string | undefined, environment, flags: flagLayer(args) })
}

function flagLayer(args: Record<string, unknown>): ConfigLayer {
  const layer: ConfigLayer = {}
  for (const [name, { path }] of Object.entries(flags)) {
    const value = args[name]
    if (value !== undefined)
      setAt(layer, path, name === 'patch-fraction' ? numberOrText(value as string) : value)
  }
  for (const assignment of (args.set as string[] | undefined) ?? []) {
    const equals = assignment.indexOf('=')
    const path = assignment.slice(0, equals).split('.')
    if (equals < 1 || path.includes('') || path.some((key) => key in Object.prototype)) {
      throw new UsageError(`--set ${assignment} is no path=value. Write --set optimizer.weightDecay=0, say.`)
    }
    setAt(layer, path, yamlValue(assignment, assignment.slice(equals + 1)))
  }
  return layer
}

function yamlValue(assignment: string, text: string): unknown {
  try {
    return parseYaml(text) as unknown
  } catch (cause) {
    const reason = (cause as Error).message.split('\n', 1)[0]
    throw new UsageError(
      `--set ${assignment}: the value is no YAML (${reason}). Quote it twice: --set 'name="${text}"', say.`,
    )
  }
}

/** A fraction such as 2/3 stays text; the configuration reads it. */
function numberOrText(value: string): number | string {
  return value.includes('/') || value.trim() === '' ? value : Number(value)
}

function flag(path: string, options: Options): ConfigFlag {
  return { path: path.split('.'), options }
}
