import { readFile } from 'node:fs/promises'
import { DataError } from '../../errors.js'
import type { LoadedModel } from '../../eval/model.js'
import { generate } from '../../generate/generate.js'
import { generateDefaults, type GenerateOptions } from '../../generate/options.js'
import { defineCommand, writeJson, type CliContext } from '../command.js'
import { exitCode, UsageError } from '../exit.js'
import { generationFlags, generationOptions } from '../generation-flags.js'
import { modelOptions, modelPositional, openModel } from '../model-flags.js'
import { untilStopped } from '../signals.js'

export const generateText = defineCommand({
  positionals: {
    model: modelPositional,
    prompt: { type: 'string', default: '', describe: 'Text to go on from' },
  },
  options: {
    ...generationFlags,
    prompts: {
      type: 'string',
      describe: 'A file of prompts, one a line: a line of JSON is written for each as it is done',
    },
    'batch-size': {
      type: 'number',
      default: generateDefaults.batchSize,
      describe: 'How many of --prompts are written at a time',
    },
    ...modelOptions,
    json: { type: 'boolean', default: false, describe: 'Prompt, text and why it ended as JSON' },
  },
  examples: [
    ['generate runs/quickstart "ROMEO:" --max-tokens 200', 'from a run'],
    ['generate exported/ "Once" --temperature 0', 'from an exported model, without chance'],
    ['generate exported/ "Q: Who?\\nA:" --stop "\\n"', 'one line'],
    ['generate exported/ --prompts prompts.txt > texts.jsonl', 'many, several at a time'],
  ],
  async run(args, context) {
    const { prompt, prompts: file } = args
    if (file !== undefined && prompt !== '')
      throw new UsageError('Give a prompt or --prompts, not both: a file of prompts is one of its own.')
    const prompts = file === undefined ? undefined : await readPrompts(file)
    const options = generationOptions(args)
    const model = await openModel(args)
    try {
      const work = (signal: AbortSignal) =>
        prompts
          ? writeMany(model, prompts, { ...options, batchSize: args['batch-size'], signal }, context)
          : writeOne(model, prompt, { ...options, signal }, args.json, context)
      const { stoppedWith } = await untilStopped(work, () => undefined)
      return stoppedWith ?? exitCode.ok
    } finally {
      model.dispose()
    }
  },
})

async function writeOne(
  model: LoadedModel,
  prompt: string,
  options: GenerateOptions,
  json: boolean,
  context: CliContext,
): Promise<void> {
  const pieces = generate(model, prompt, options)
  let next = await pieces.next() // before anything is written: options may make no sense
  let text = ''
  if (!json) context.stdout.write(prompt)
  try {
    for (; !next.done; next = await pieces.next()) {
      text += next.value
      if (!json) context.stdout.write(next.value)
    }
    if (json) writeJson(context, { prompt, text, ...next.value })
  } finally {
    if (!json) context.stdout.write('\n')
  }
}

/** Lines of JSON in the order in which texts end. */
async function writeMany(
  model: LoadedModel,
  prompts: readonly string[],
  options: GenerateOptions,
  context: CliContext,
): Promise<void> {
  const texts = prompts.map(() => '')
  for await (const { prompt: index, text, end } of generate(model, prompts, options)) {
    texts[index] += text
    if (end)
      context.stdout.write(
        `${JSON.stringify({ index, prompt: prompts[index], text: texts[index], ...end })}\n`,
      )
  }
}

async function readPrompts(file: string): Promise<string[]> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (cause) {
    throw new DataError(`The prompts ${file} cannot be read: ${(cause as Error).message}. Check the path.`, {
      file,
      cause,
    })
  }
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) throw new DataError(`${file} holds no prompts. Write one a line.`, { file })
  return lines
}
