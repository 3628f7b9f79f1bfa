import { ggufTypes } from '../../export/gguf/encode.js'
import { exportHuggingFace, type WrittenExport } from '../../export/huggingface.js'
import { bytes } from '../../report/format.js'
import { regionReader } from '../../train/engine.js'
import { parseByteSize } from '../byte-size.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { exitCode, UsageError } from '../exit.js'
import { writeGguf } from '../export-gguf.js'
import { modelOptions, modelPositional, openModel } from '../model-flags.js'

export const exportModel = defineCommand({
  positionals: {
    model: modelPositional,
    folder: {
      type: 'string',
      demandOption: true,
      describe: 'The folder to make, or with --format gguf the file',
    },
  },
  options: {
    format: {
      choices: ['huggingface', 'gguf'] as const,
      default: 'huggingface' as const,
      describe: 'A folder for transformers, or one file for llama.cpp, Ollama and LM Studio',
    },
    type: { choices: ggufTypes, describe: 'Type of the matrices in a GGUF file; f16 unless given' },
    dtype: {
      choices: ['f32', 'bf16', 'f16'] as const,
      default: 'f32' as const,
      describe: 'Type of the weights; bf16 and f16 halve the files and round',
    },
    'shard-size': {
      type: 'string',
      describe: 'Spread the weights over files of at most this size, 5GB say',
    },
    overwrite: {
      type: 'boolean',
      default: false,
      describe: 'Replace an exported model that is there already',
    },
    ...modelOptions,
    json: { type: 'boolean', default: false, describe: 'What was written as JSON' },
  },
  examples: [
    ['export runs/quickstart exported', 'AutoModelForCausalLM.from_pretrained("exported") loads it'],
    [
      'export runs/quickstart/checkpoints/step-00000400 halfway --dtype bf16',
      'a checkpoint, in half the space',
    ],
    ['export runs/quickstart exported --shard-size 500MB', 'in several files with an index'],
    ['export runs/quickstart model.gguf --format gguf --type q8_0', 'for llama.cpp and what is built on it'],
  ],
  async run(args, context) {
    const { folder } = args
    const size = args['shard-size']
    const shardBytes = size === undefined ? undefined : parseByteSize('shard-size', size)
    const gguf = args.format === 'gguf'
    if (gguf ? size !== undefined : args.type !== undefined)
      throw new UsageError(`--${gguf ? 'shard-size' : 'type'} does not go with --format ${args.format}.`)
    const model = await openModel({ ...args, device: 'cpu' }) // nothing is computed, and the CPU keeps fp32
    try {
      if (gguf) return await writeGguf(model, { ...args, type: args.type ?? 'f16' }, context)
      const { tokenizer } = model
      const written = await exportHuggingFace({
        folder,
        model: model.model,
        settings: { positions: model.context, bosId: tokenizer.bosId, eosId: tokenizer.eosId },
        weights: regionReader(model.weights),
        tokenizerFiles: await tokenizer.files(),
        dtype: args.dtype,
        ...(shardBytes !== undefined && { shardBytes }),
        overwrite: args.overwrite,
      })
      if (args.json) writeJson(context, { folder, source: model.source, ...written })
      else writeLine(context, writtenText(folder, written, model.source))
      return exitCode.ok
    } finally {
      model.dispose()
    }
  },
})

function writtenText(folder: string, written: WrittenExport, source: string): string {
  const files = written.files.length === 1 ? '' : ` in ${written.files.length} files`
  return `wrote ${folder} (${bytes(written.bytes)}${files}) from ${source}`
}
