import { PatchTrainer } from '../../train/trainer.js'
import { defineCommand } from '../command.js'
import { configFrom, configOptions, configPositionals } from '../config-flags.js'
import { exitCodeHelp } from '../exit.js'
import { followTraining } from '../follow.js'

export const train = defineCommand({
  positionals: configPositionals,
  options: {
    ...configOptions,
    overwrite: {
      type: 'boolean',
      default: false,
      describe: 'Begin anew where the run folder exists already',
    },
    json: { type: 'boolean', default: false, describe: 'Every event as a line of JSON on stdout' },
  },
  examples: [
    ['train configs/quickstart.yaml', 'everything from a file'],
    ['train configs/quickstart.yaml --patch-size 8 --out runs/k8', 'a file, with other values'],
    [
      'train --model 3m --data book.txt --total-steps 600 --batch-tokens 16384 --context 256',
      'flags only: the paper’s plan with K = 4, λ = 2/3',
    ],
  ],
  epilogue: exitCodeHelp,
  run(args, context) {
    const config = configFrom(args, context.environment)
    const existing = args.overwrite ? 'replace' : 'refuse'
    return followTraining(
      (options) => PatchTrainer.create(config, { ...options, existing }),
      args.json,
      context,
    )
  },
})
