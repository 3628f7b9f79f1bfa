import { generate, generateDefaults } from '../../eval/generate.js'
import { defineCommand, writeJson } from '../command.js'
import { exitCode } from '../exit.js'
import { modelOptions, modelPositional, openModel } from '../model-flags.js'
import { untilStopped } from '../signals.js'

export const generateText = defineCommand({
  positionals: {
    model: modelPositional,
    prompt: { type: 'string', default: '', describe: 'Text to go on from' },
  },
  options: {
    'max-tokens': {
      type: 'number',
      default: generateDefaults.maxTokens,
      describe: 'Tokens to write at most',
    },
    temperature: {
      type: 'number',
      default: generateDefaults.temperature,
      describe: '0: always the likeliest token',
    },
    'top-p': {
      type: 'number',
      default: generateDefaults.topP,
      describe: 'Draw from the likeliest tokens of this mass',
    },
    'top-k': {
      type: 'number',
      default: generateDefaults.topK,
      describe: 'Draw from this many tokens; 0: from all',
    },
    seed: { type: 'number', default: generateDefaults.seed, describe: 'The same seed gives the same text' },
    ...modelOptions,
    json: { type: 'boolean', default: false, describe: 'Prompt and text as JSON' },
  },
  examples: [
    ['generate runs/quickstart "ROMEO:" --max-tokens 200', 'from a run'],
    ['generate exported/ "Once" --temperature 0', 'from an exported model, without chance'],
  ],
  async run(args, context) {
    const model = await openModel(args)
    try {
      const { prompt } = args
      let text = ''
      if (!args.json) context.stdout.write(prompt)
      const write = async (signal: AbortSignal) => {
        const pieces = generate(model, prompt, {
          maxTokens: args['max-tokens'],
          temperature: args.temperature,
          topP: args['top-p'],
          topK: args['top-k'],
          seed: args.seed,
          signal,
        })
        for await (const piece of pieces) {
          text += piece
          if (!args.json) context.stdout.write(piece)
        }
      }
      const { stoppedWith } = await untilStopped(write, () => undefined)
      if (args.json) writeJson(context, { prompt, text })
      else context.stdout.write('\n')
      return stoppedWith ?? exitCode.ok
    } finally {
      model.dispose()
    }
  },
})
