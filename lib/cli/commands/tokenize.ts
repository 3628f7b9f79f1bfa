import { tokenizeCorpus } from '../../data/tokenize-corpus.js'
import { loadTokenizer } from '../../data/tokenizer/load.js'
import { bytes, grouped } from '../../report/format.js'
import { createStatusLine } from '../../report/status-line.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { exitCode } from '../exit.js'
import { tokenizeText } from '../prepare-text.js'
import { untilStopped } from '../signals.js'

export const tokenize = defineCommand({
  positionals: {
    inputs: {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'Files or globs of .txt, .jsonl, .jsonl.zst, .parquet',
    },
  },
  options: {
    out: {
      type: 'string',
      demandOption: true,
      describe: 'Folder for the token set; must not hold anything else',
    },
    tokenizer: {
      type: 'string',
      default: 'bytes',
      describe: '`bytes`, a tokenizer.model, tokenizer.json, or a folder',
    },
    'text-field': {
      type: 'string',
      default: 'text',
      describe: 'Field of a JSON line, or parquet column, that holds the text',
    },
    type: {
      choices: ['auto', 'uint16', 'uint32'] as const,
      default: 'auto' as const,
      describe: 'Width of a token',
    },
    'shard-tokens': { type: 'number', describe: 'Tokens a shard; 134217728 unless given' },
    bos: { type: 'boolean', default: true, describe: 'BOS before each document; --no-bos for none' },
    eos: { type: 'boolean', default: false, describe: 'EOS after each document' },
    threads: { type: 'number', describe: 'Threads of the tokenizer' },
    json: { type: 'boolean', default: false, describe: 'The manifest as JSON on stdout' },
  },
  examples: [
    [
      'tokenize corpus/*.jsonl.zst --tokenizer llama2/tokenizer.model --out tokens',
      'shards for the LLaMA-2 tokenizer',
    ],
    ['tokenize book.txt --out tokens', 'one byte, one token'],
  ],
  async run(args, context) {
    const tokenizer = await loadTokenizer(args.tokenizer)
    const status = createStatusLine(context.terminal)
    try {
      const { value, stoppedWith } = await untilStopped(
        (signal) =>
          tokenizeCorpus({
            inputs: args.inputs,
            tokenizer,
            out: args.out,
            textField: args['text-field'],
            type: args.type,
            bos: args.bos,
            eos: args.eos,
            signal,
            onProgress: (progress) => status.show(tokenizeText(progress)),
            ...(args['shard-tokens'] !== undefined && { shardTokens: args['shard-tokens'] }),
            ...(args.threads !== undefined && { threads: args.threads }),
          }),
        (signal) => status.note(`${signal}: stopping; nothing is kept of an unfinished token set.`),
      )
      status.close()
      if (!value) return stoppedWith ?? exitCode.failure
      const { manifest, folder, reused } = value
      if (args.json) writeJson(context, { folder, reused, manifest })
      else {
        writeLine(
          context,
          `${reused ? 'found' : 'wrote'} ${folder}: ${grouped(manifest.tokens)} tokens of ${grouped(manifest.documents)} ` +
            `documents in ${manifest.shards.length} ${manifest.type} shards ` +
            `(${bytes(manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0))})`,
        )
      }
      return exitCode.ok
    } finally {
      status.close()
      tokenizer.dispose()
    }
  },
})
