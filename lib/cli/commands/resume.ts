import { PatchTrainer } from '../../train/trainer.js'
import { defineCommand } from '../command.js'
import { followTraining } from '../follow.js'

export const resume = defineCommand({
  positionals: {
    run: { type: 'string', demandOption: true, describe: 'The run folder' },
  },
  options: {
    json: { type: 'boolean', default: false, describe: 'Every event as a line of JSON on stdout' },
  },
  examples: [['resume runs/quickstart', 'goes on from the newest checkpoint that is whole']],
  run(args, context) {
    return followTraining((options) => PatchTrainer.resume(args.run, options), args.json, context)
  },
})
