import { loadModel, type LoadedModel } from '../eval/model.js'

/** Arguments of every command that uses a trained model. */

export const modelPositional = {
  type: 'string',
  demandOption: true,
  describe: 'A run folder, a checkpoint, or an exported model',
} as const

export const modelOptions = {
  tokenizer: { type: 'string', describe: 'Another tokenizer than the one the model names or holds' },
  device: { type: 'string', default: 'auto', describe: '`auto`, `cpu`, `cuda` or `cuda:1`' },
  threads: {
    type: 'number',
    default: 0,
    describe: 'Threads of the CPU backend; 0: all this process may use',
  },
} as const

interface ModelArguments {
  readonly model: string
  readonly tokenizer: string | undefined
  readonly device: string
  readonly threads: number
}

export function openModel({ model, tokenizer, device, threads }: ModelArguments): Promise<LoadedModel> {
  return loadModel(model, { device, threads, ...(tokenizer !== undefined && { tokenizer }) })
}
