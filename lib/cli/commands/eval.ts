import { evaluatePerplexity, type PerplexityResult } from '../../eval/perplexity.js'
import { grouped, loss, percent } from '../../report/format.js'
import { createStatusLine } from '../../report/status-line.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { exitCode } from '../exit.js'
import { fields } from '../inspect/finding.js'
import { modelOptions, modelPositional, openModel } from '../model-flags.js'
import { untilStopped } from '../signals.js'

export const evaluate = defineCommand({
  positionals: { model: modelPositional },
  options: {
    data: {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'Text: files or globs of .txt, .jsonl, .jsonl.zst',
    },
    'text-field': { type: 'string', default: 'text', describe: 'Field of a JSON line that holds the text' },
    context: { type: 'number', describe: 'Tokens a block; what the model was trained with unless given' },
    'max-tokens': { type: 'number', describe: 'Stop after so many tokens' },
    ...modelOptions,
    json: { type: 'boolean', default: false, describe: 'The result as JSON' },
  },
  examples: [
    ['eval runs/quickstart --data test.jsonl', 'perplexity as the paper measures it, and bits per byte'],
    ['eval exported --data "test/*.txt" --json', 'for a script'],
  ],
  async run(args, context) {
    const status = createStatusLine(context.terminal)
    const model = await openModel(args)
    try {
      const { value, stoppedWith } = await untilStopped(
        (signal) =>
          evaluatePerplexity(model, {
            files: args.data,
            textField: args['text-field'],
            context: args.context ?? model.context,
            signal,
            onProgress: (done, blocks) => status.show(`evaluating ${percent(done / blocks)}`),
            ...(args['max-tokens'] !== undefined && { maxTokens: args['max-tokens'] }),
          }),
        () => undefined,
      )
      status.close()
      if (!value) return stoppedWith ?? exitCode.failure
      if (args.json) writeJson(context, { model: model.source, ...value })
      else writeLine(context, resultText(value, model.source))
      return exitCode.ok
    } finally {
      status.close()
      model.dispose()
    }
  },
})

function resultText(result: PerplexityResult, source: string): string {
  return fields([
    ['model', source],
    ['loss', `${loss(result.loss)} nats a token`],
    ['perplexity', result.perplexity.toFixed(3)],
    ['bits/byte', result.bitsPerByte.toFixed(4)],
    ['word perplexity', result.wordPerplexity.toFixed(3)],
    ['text', `${grouped(result.documents)} documents, ${grouped(result.tokens)} tokens`],
    ['scored', `${grouped(result.blocks)} blocks; ${grouped(result.dropped)} tokens left out`],
  ])
}
