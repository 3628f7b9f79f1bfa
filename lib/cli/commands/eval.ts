import { findTasks, taskNames } from '../../eval/tasks/registry.js'
import type { PerplexityOptions } from '../../eval/perplexity.js'
import { createStatusLine } from '../../report/status-line.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { runPerplexity } from '../eval/perplexity.js'
import { runTasks } from '../eval/tasks.js'
import { exitCode, UsageError } from '../exit.js'
import { modelOptions, modelPositional, openModel } from '../model-flags.js'
import { untilStopped } from '../signals.js'

const taskFlags = ['limit', 'shots', 'samples'] as const
const textFlags = ['text-field', 'max-tokens'] as const

export const evaluate = defineCommand({
  positionals: { model: modelPositional },
  options: {
    data: {
      type: 'string',
      array: true,
      demandOption: true,
      describe:
        'Text: files or globs of .txt, .jsonl, .jsonl.zst, .parquet; with --tasks, the folder that holds the data sets',
    },
    tasks: { type: 'string', describe: `Score tasks, separated by commas: ${taskNames.join(', ')}` },
    limit: {
      type: 'number',
      describe: 'With --tasks: only so many examples a task, of MMLU a subject',
    },
    shots: { type: 'number', describe: 'With --tasks mmlu: worked examples before each question, up to 5' },
    samples: {
      type: 'string',
      describe: 'With --tasks: file with a line for every example; what it holds is not scored again',
    },
    bos: {
      type: 'boolean',
      default: true,
      describe: 'With --tasks: BOS before every text; --no-bos for models trained without',
    },
    'text-field': {
      type: 'string',
      describe: 'Field of a JSON line that holds the text; `text` unless given',
    },
    context: { type: 'number', describe: 'Tokens a block; what the model was trained with unless given' },
    'max-tokens': { type: 'number', describe: 'Stop after so many tokens' },
    ...modelOptions,
    json: { type: 'boolean', default: false, describe: 'The result as JSON' },
  },
  examples: [
    ['eval runs/quickstart --data test.jsonl', 'perplexity as the paper measures it, and bits per byte'],
    ['eval exported --data "test/*.txt" --json', 'for a script'],
    ['eval exported --tasks paper --data eval', "the columns of the paper's table"],
    ['eval exported --tasks mmlu --shots 5 --data eval --samples mmlu.jsonl', 'goes on where it was stopped'],
  ],
  async run(args, context) {
    const misplaced = (args.tasks === undefined ? taskFlags : textFlags).find(
      (flag) => args[flag] !== undefined,
    )
    if (misplaced)
      throw new UsageError(
        `--${misplaced} means nothing ${args.tasks === undefined ? 'without' : 'with'} --tasks.`,
      )
    const [folder] = args.data
    if (args.tasks !== undefined && args.data.length !== 1)
      throw new UsageError(`--tasks takes one folder as --data, not ${args.data.length}.`)

    const names = args.tasks?.split(',').map((name) => name.trim())
    if (names) findTasks(names) // a mistyped name shows before a model is loaded

    const status = createStatusLine(context.terminal)
    const model = await openModel(args)
    try {
      const { value, stoppedWith } = await untilStopped(
        (signal) => {
          const shared = { context: args.context ?? model.context, signal }
          if (args.tasks === undefined)
            return runPerplexity(model, { ...shared, ...textOptions(args) }, status)
          const names = args.tasks.split(',').map((name) => name.trim())
          const { limit, shots, samples, bos } = args
          const given = {
            ...(limit !== undefined && { limit }),
            ...(shots !== undefined && { shots }),
            ...(samples !== undefined && { samples }),
          }
          return runTasks(model, names, { ...shared, ...given, data: folder!, bos }, status)
        },
        () => {
          const kept = args.samples === undefined ? '' : `; ${args.samples} keeps what was scored`
          status.note(`stopping after this batch${kept}. Again to leave at once.`)
        },
      )
      status.close()
      if (!value) return stoppedWith ?? exitCode.failure
      if (args.json) writeJson(context, value.json)
      else writeLine(context, value.text)
      return exitCode.ok
    } finally {
      status.close()
      model.dispose()
    }
  },
})

function textOptions(args: {
  data: string[]
  'text-field': string | undefined
  'max-tokens': number | undefined
}): Pick<PerplexityOptions, 'files' | 'textField' | 'maxTokens'> {
  return {
    files: args.data,
    ...(args['text-field'] !== undefined && { textField: args['text-field'] }),
    ...(args['max-tokens'] !== undefined && { maxTokens: args['max-tokens'] }),
  }
}
